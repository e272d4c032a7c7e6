"""What the module redistopo_host does with units of systemd: only with those that have our mark.

Python 3.8 or newer with its standard library; Ansible sends it beside the module.
"""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache
from typing import Any, Dict, Iterable

from ansible.module_utils.redistopo_files import Refused, write
from ansible.module_utils.redistopo_seen import text_of

Op = Dict[str, Any]
FOLDER = "/etc/systemd/system"
AT_BOOT = FOLDER + "/multi-user.target.wants"
ELSEWHERE = ("/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")
PREFIX = "redistopo-"
OLDEST = 240  # the first with Type=exec and StandardOutput=append:
SECONDS = 90.0


@lru_cache(maxsize=None)
def version() -> int:
    """The version of the systemd that runs here, 0 for none (sd_booted(3))."""
    if not os.path.isdir("/run/systemd/system"):
        return 0
    try:
        words = _systemctl("--version").stdout.split()
    except Refused:
        return 0
    return int(words[1]) if words[1:] and words[1].isdigit() else 0


def possible() -> bool:
    """Whether this host can have units of ours."""
    return version() >= OLDEST and not os.geteuid()


def mark(ident: str) -> str:
    """The first line of our units: their topology's id."""
    return "# redistopo %s" % ident


def is_ours(name: str, ident: str) -> bool:
    """Whether the unit of that name is this topology's."""
    path = os.path.join(FOLDER, name)
    return not os.path.islink(path) and text_of(path).partition("\n")[0] == mark(ident)


def install(unit: Op) -> None:
    """Write the unit, unless it is there already, and have it started at boot, or not; raises
    Refused for a unit of another owner."""
    name, ident = unit["name"], unit["id"]
    path = os.path.join(FOLDER, name)
    if not version():
        raise Refused("systemd", why="systemd isn't its process 1")
    if os.geteuid():
        raise Refused("systemd", why="units take root, and this is user %d" % os.geteuid())
    for other in (path, *(os.path.join(folder, name) for folder in ELSEWHERE)):
        if os.path.lexists(other) and not (other == path and is_ours(name, ident)):
            raise Refused("unit", path=other)
    text = "%s\n%s" % (mark(ident), unit["text"])
    if text_of(path) != text.strip():
        write({"path": path, "text": text})
        os.chmod(path, 0o644)
        _required("daemon-reload")
    switch(name, on=unit["boot"])


def switch(name: str, *, on: bool) -> None:
    """Have the unit started at boot, or not."""
    if os.path.lexists(os.path.join(AT_BOOT, name)) is not on:
        _required("enable" if on else "disable", name)


def begin(name: str) -> int:
    """Start the unit, and return the pid of its server; 0 if that has ended already."""
    done = _systemctl("start", name)
    pid = main_pids([name]).get(name, 0)
    if done.returncode and not pid:
        said = done.stderr.strip() or "exit code %d" % done.returncode
        raise Refused("unit_start", unit=name, why=said.splitlines()[0])
    return pid


def exit_code(name: str) -> int:
    """The exit code of the unit's server, or its signal; 1 if it is unknown."""
    text = _systemctl("show", "-p", "ExecMainStatus", name).stdout.partition("=")[2].strip()
    return (int(text) if text.isdigit() else 0) or 1


def main_pids(names: Iterable[str]) -> Dict[str, int]:
    """Unit -> the pid of its server, for those that have one."""
    found: Dict[str, int] = {}
    wanted = list(names)
    if not wanted:
        return found
    for block in _systemctl("show", "-p", "Id", "-p", "MainPID", *wanted).stdout.split("\n\n"):
        values = dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
        if values.get("MainPID", "0").isdigit() and int(values.get("MainPID", "0")):
            found[values.get("Id", "")] = int(values["MainPID"])
    return found


def servers_of(units: Op, nodes: Iterable[str]) -> Dict[str, int]:
    """Node -> the pid of the server of its unit, for those of these nodes that have one."""
    names = {node: units["names"].get(node, "") for node in nodes}
    ours = {node: name for node, name in names.items() if is_ours(name, units["id"])}
    pids = main_pids(ours.values()) if ours and version() else {}
    return {node: pids[name] for node, name in ours.items() if name in pids}


def starts_at_boot(units: Op, node: str) -> bool:
    """Whether the node has a unit of ours that is enabled."""
    name = units["names"].get(node, "")
    return is_ours(name, units["id"]) and os.path.lexists(os.path.join(AT_BOOT, name))


def unit_off(op: Op) -> Op:
    """Have a unit of ours not started at boot: its node was stopped."""
    if is_ours(op["name"], op["id"]):
        switch(op["name"], on=False)
    return {}


def discard(names: Iterable[str], ident: str) -> None:
    """Remove those units that are ours; none of them has a server."""
    ours = [name for name in names if is_ours(name, ident)]
    for name in ours:
        if version():
            switch(name, on=False)
        os.unlink(os.path.join(FOLDER, name))
    if ours and version():
        _required("daemon-reload")


def discard_all(ident: str) -> None:
    """Remove all units of a topology."""
    try:
        names = os.listdir(FOLDER)
    except OSError:
        return
    discard([name for name in names if name.startswith(PREFIX)], ident)


def _required(*words: str) -> None:
    done = _systemctl(*words)
    if done.returncode:
        said = done.stderr.strip() or "exit code %d" % done.returncode
        raise Refused("systemd", why="systemctl %s: %s" % (" ".join(words), said.splitlines()[0]))


def _systemctl(*words: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            ["systemctl", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=SECONDS, universal_newlines=True, check=False,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                 "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused("systemd", why="systemctl %s: %s" % (words[0], error)) from error
