"""Hosts of a lab that seem to run systemd: nothing boots it, but its units run.

`systemctl` there is docker-systemctl-replacement, which reads and starts units by itself, and is
written by others than redistopo. It ignores what confines a service: systemd-analyze judges that.
"""

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hosts.lab import Host

UNITS = "/etc/systemd/system"
_FOLDER = "/usr/local/lib/stand_in"
# of the machine's own units, which are below others, it would read some hundred at each call
_MAIN = (
    f"import sys; sys.path[0] = '{_FOLDER}'; import systemctl3; "
    f"systemctl3._system_folders = ['{UNITS}']; sys.exit(systemctl3.main())"
)
_SYSTEMCTL = f"""#!/bin/sh
case $1 in
--version) echo "systemd 252 (stand-in)" ;;
daemon-reload) ;; # it reads units whenever it is called, and would judge all of the machine
*) exec /usr/bin/python3 -c "{_MAIN}" "$@" ;;
esac
"""


@contextmanager
def with_systemd(*hosts: Host) -> Iterator[None]:
    """In the block these hosts seem to be booted with systemd, and have no unit of ours before."""
    try:
        for host in hosts:
            install(host)
        yield
    finally:
        for host in hosts:
            _require_overlay(host)
            ours = f"/run/systemd {UNITS}/redistopo-* {UNITS}/*/redistopo-*"
            host.run("sh", "-c", f"rm -rf {ours} /usr/local/sbin/systemctl {_FOLDER}")


def install(host: Host) -> None:
    """The host seems to be booted with systemd, which has not started any unit yet."""
    _require_overlay(host)
    host.path("/run/systemd/system").mkdir(parents=True, exist_ok=True)
    spec = importlib.util.find_spec("systemctl2")
    assert spec, "docker-systemctl-replacement isn't installed"
    assert spec.submodule_search_locations
    program = Path(spec.submodule_search_locations[0], "systemctl3.py")
    host.path(_FOLDER).mkdir(exist_ok=True)
    host.path(f"{_FOLDER}/{program.name}").write_bytes(program.read_bytes())
    path = host.path("/usr/local/sbin/systemctl")
    path.write_text(_SYSTEMCTL)
    path.chmod(0o755)


def start_enabled(host: Host) -> None:
    """What systemd does when the host is started: all enabled units are; here ours only."""
    install(host)
    host.run("/usr/local/sbin/systemctl", "start", *sorted(enabled(host)))


def units(host: Host) -> dict[str, str]:
    """The units of ours there: name -> text."""
    found = host.path(UNITS).glob("redistopo-*")
    return {one.name: one.read_text() for one in found}


def enabled(host: Host) -> set[str]:
    """Those that are started at boot."""
    return {one.name for one in host.path(f"{UNITS}/multi-user.target.wants").glob("redistopo-*")}


def main_pid(host: Host, unit: str) -> int:
    """The pid of the unit's server, as the stand-in knows it."""
    told = host.run("/usr/local/sbin/systemctl", "show", "-p", "MainPID", unit).stdout
    found = re.search(r"MainPID=(\d+)", told)
    assert found, told
    return int(found[1])


def _require_overlay(host: Host) -> None:
    """A root of its own: nothing of this is to be on the machine itself."""
    assert host.run("stat", "-f", "-c", "%T", "/").stdout.strip() == "overlayfs"
