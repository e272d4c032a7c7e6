"""How the module redistopo_host installs a package by apt: without starting its own service.

Python 3.8 or newer with its standard library; Ansible sends it beside the module.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import Any, Dict, Iterator, List, Set

from ansible.module_utils.redistopo_files import Refused
from ansible.module_utils.redistopo_seen import text_of

Op = Dict[str, Any]
GUARD = "/run/redistopo-apt.lock"
POLICY = "/usr/sbin/policy-rc.d"
KEPT = POLICY + ".before-redistopo"
MARK = "# redistopo: removed once the installation is done"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OPTIONS = ("-q", "-y", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Options::=--force-confold")


def install_package(op: Op) -> Op:
    """Install a package by apt, unless it is there; returns the packages that are new.

    No service of a new package is started, now or at boot: servers are redistopo's. Nothing is
    upgraded or removed, because what is there may be in use.
    """
    package, until = op["package"], time.monotonic() + op["within"]
    if not shutil.which("apt-get", path=PATH):
        raise Refused("no_apt", package=package)
    if os.geteuid():
        raise Refused("apt_root", package=package, uid=os.geteuid())
    with open(GUARD, "w", encoding="ascii") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # of another topology on this host
        before = _installed()
        with _no_service_starts():
            updated = _run(until, "apt-get", *OPTIONS, "update")
            words = ("install", "--no-install-recommends", "--no-upgrade", "--no-remove", package)
            done = _run(until, "apt-get", *OPTIONS, *words)
        new = sorted(_installed() - before)
        _disable_services(until, new)
    if done.returncode:
        said = "%s\n%s" % (done.stdout, updated.stdout if updated.returncode else "")
        raise Refused("apt", package=package, why=_reasons(said, done.returncode))
    return {"installed": new}


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """In the block packages' scripts start no service: invoke-rc.d(8) and deb-systemd-invoke(1p)
    ask policy-rc.d. One that is there already is put back, also if an earlier run was killed."""
    if os.path.lexists(POLICY) and MARK not in text_of(POLICY):
        os.replace(POLICY, KEPT)
    try:
        with open(POLICY, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n%s\nexit 101\n" % MARK)
        os.chmod(POLICY, 0o755)  # noqa: S103  it is run by others
        yield
    finally:
        if os.path.lexists(KEPT):
            os.replace(KEPT, POLICY)
        else:
            with suppress(FileNotFoundError):
                os.unlink(POLICY)


def _installed() -> Set[str]:
    """The packages that dpkg has unpacked, configured or not."""
    fields = "${db:Status-Status} ${binary:Package}\n"
    found = _run(time.monotonic() + 60, "dpkg-query", "-W", "-f", fields).stdout.splitlines()
    absent = ("not-installed", "config-files")
    return {line.split()[1] for line in found if line.split()[0] not in absent}


def _disable_services(until: float, packages: List[str]) -> None:
    """Have the services of these packages not started at boot."""
    if not packages:
        return
    files = _run(until, "dpkg-query", "-L", *packages).stdout
    units = re.findall(r"^(?:/usr)?/lib/systemd/system/([^/@]+\.service)$", files, re.MULTILINE)
    if units and shutil.which("systemctl", path=PATH):
        _run(until, "systemctl", "disable", *sorted(set(units)))
    for name in sorted(set(re.findall(r"^/etc/init\.d/([^/]+)$", files, re.MULTILINE))):
        if shutil.which("update-rc.d", path=PATH):
            _run(until, "update-rc.d", name, "disable")


def _reasons(said: str, code: int) -> str:
    """What apt gives as reasons, or the last that it printed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    found = [line[2:].strip() for line in lines if line.startswith("E:")] or lines[-2:]
    return "; ".join(list(dict.fromkeys(found))[:3])[:400] or "exit code %d" % code


def _run(until: float, *argv: str) -> "subprocess.CompletedProcess[str]":
    ours = {"PATH": PATH, "LC_ALL": "C", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
    seconds = max(1.0, until - time.monotonic())
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=seconds, universal_newlines=True, check=False, env={**os.environ, **ours},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(argv, 1, "E: %s\n" % error)
