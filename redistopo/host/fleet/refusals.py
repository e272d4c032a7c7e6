"""The errors of hosts: what happened there, what was seen, what to type next."""

import errno
import shlex
from collections.abc import Mapping
from typing import Any

from redistopo.errors import MissingPrerequisite, RedistopoError, Unreachable
from redistopo.host.fleet.host_results import HostResults
from redistopo.host.fleet.vault import ansible_error
from redistopo.model.topology.hosts import Hosts


def refusal(hosts: Hosts, machine: str, result: Mapping[str, Any]) -> RedistopoError:
    """Return the error of an operation that a host refused, of a module that failed there, or of
    a host that wasn't reached."""
    where = f"{machine} ({_address(hosts, machine)})"
    return _KINDS[result["refused"]](where, {**result, **_by_hand(hosts, machine)})


def unreachable(hosts: Hosts, machine: str, one: HostResults) -> RedistopoError:
    """Return the error of a machine that wasn't reached, or where the module failed."""
    if one.unreachable:
        return refusal(hosts, machine, {"refused": "unreachable", "why": one.unreachable})
    return refusal(hosts, machine, {"refused": "failed", "why": one.failed})


def _address(hosts: Hosts, machine: str) -> str:
    try:
        one = hosts.machine(machine)
    except KeyError:
        return "from the inventory"
    return one.ssh or one.address


def _by_hand(hosts: Hosts, machine: str) -> dict[str, str]:
    """The command that makes Ansible's connection, and the one that forgets the host's key."""
    try:
        one = hosts.machine(machine)
    except KeyError:
        return {"connect": "ssh HOST", "forget": "ssh-keygen -R HOST"}
    address, user = one.ssh or one.address, one.user or hosts.user
    at, port = (f"'[{address}]:{one.port}'", f"-p {one.port} ") if one.port else (address, "")
    connect = f"ssh {port}{user}@{address}" if user else f"ssh {port}{address}"
    if hosts.inventory:
        connect = f"ansible -i {shlex.quote(hosts.inventory)} {shlex.quote(machine)} -m ping"
    return {"connect": connect, "forget": f"ssh-keygen -R {at}"}


def _unreachable(where: str, result: Mapping[str, Any]) -> RedistopoError:
    why = str(result["why"])
    hint = f"check that host and its SSH server; the same connection: {result['connect']}"
    if "verification failed" in why or "host key" in why.lower():
        hint = (
            "its SSH key isn't known, or has changed: if that is right, correct known_hosts "
            f"({result['forget']}, then {result['connect']})"
        )
    return Unreachable(f"host {where} can't be reached by SSH", detail=why, hint=hint)


def _failed(where: str, result: Mapping[str, Any]) -> RedistopoError:
    why = str(result["why"])
    if "not found" in why and "python" in why.lower():
        return MissingPrerequisite(
            f"host {where} has no Python",
            detail=why,
            hint="install Python 3.8 or newer there, as /usr/bin/python3",
        )
    if "sudo" in why or "become" in why.lower():
        return MissingPrerequisite(
            f"host {where} doesn't allow sudo without a password",
            detail=why,
            hint="allow it for that user, or set become = false and a base folder of that user "
            "in [hosts]",
        )
    return ansible_error(f"redistopo's module failed on host {where}", why, "")


def _marker(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return MissingPrerequisite(
        f"{result['base']} on host {where} belongs to another topology",
        detail=f"its MARKER has the id {result['found']}",
        hint="set another base in [hosts], or rename the topology",
    )


def _owner(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return MissingPrerequisite(
        f"{result['base']} on host {where} belongs to another user (uid {result['uid']})",
        detail="that user could replace the servers' files",
        hint="set another base in [hosts], or give that folder to the user of SSH",
    )


def _writable(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return MissingPrerequisite(
        f"{result['base']} on host {where} can be written to by other users "
        f"(mode {result['mode']})",
        detail="they could replace the topology's folder, which would be below it",
        hint=f"on that host: chmod go-w {result['base']}; or set another base in [hosts]",
    )


def _foreign(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return MissingPrerequisite(
        f"{result['base']} on host {where} exists, but has no MARKER of redistopo",
        hint="set another base in [hosts], or move that folder away",
    )


def _locked(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return RedistopoError(
        f"host {where} is being changed by another controller",
        detail=f"by {result['who']}",
        hint="wait until it is done; if it was killed, its lock ends after 60 s",
    )


def _engine(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return MissingPrerequisite(
        f"can't run {result['program']} on host {where}",
        detail=str(result["why"]),
        hint="install it there, or set engine in [hosts]",
    )


def _no_apt(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return MissingPrerequisite(
        f"host {where} has no apt-get to install {result['package']}",
        hint="install a server there by its own package manager, then the same command again",
    )


def _apt_root(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return MissingPrerequisite(
        f"installing {result['package']} on host {where} takes root",
        detail=f"redistopo is user {result['uid']} there",
        hint="set become = true in [hosts], or install it there by hand",
    )


def _apt(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return MissingPrerequisite(
        f"apt can't install {result['package']} on host {where}",
        detail=str(result["why"]),
        hint=f"on that host, to see why: apt-get update && apt-get install {result['package']}; "
        "then the same command again",
    )


def _systemd(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return MissingPrerequisite(
        f"host {where} can't keep servers as units of systemd",
        detail=str(result["why"]),
        hint='set become = true in [hosts] if root is what it lacks, or service = "process"',
    )


def _unit(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return MissingPrerequisite(
        f"host {where} has a unit {result['path']} that isn't this topology's",
        detail="it was left as it is",
        hint="set another base in [hosts], whose last folder is in the names of units, or "
        'service = "process"',
    )


def _unit_start(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return RedistopoError(
        f"systemd doesn't start {result['unit']} on host {where}",
        detail=str(result["why"]),
        hint=f"on that host, to see why: systemctl status {result['unit']}",
    )


def _file(where: str, result: Mapping[str, Any]) -> RedistopoError:
    denied = result["errno"] in (errno.EACCES, errno.EPERM, errno.EROFS)
    full = result["errno"] in (errno.ENOSPC, errno.EDQUOT)
    hint = "check that path there, then run the command again"
    if denied:
        hint = "set become = true in [hosts], or a base folder that the user may write to"
    if full:
        hint = "free some space there, then run the same command again"
    return MissingPrerequisite(
        f"can't write {result['path']} on host {where}", detail=str(result["why"]), hint=hint
    )


def _partition(where: str, result: Mapping[str, Any]) -> RedistopoError:
    return MissingPrerequisite(
        f"host {where} can't be cut off from the others",
        detail=str(result["why"]),
        hint="--fault freeze is the closest fault that needs no rights there; or set "
        "become = true in [hosts]",
    )


_KINDS = {
    "unreachable": _unreachable,
    "failed": _failed,
    "marker": _marker,
    "owner": _owner,
    "writable": _writable,
    "foreign": _foreign,
    "locked": _locked,
    "engine": _engine,
    "file": _file,
    "no_apt": _no_apt,
    "apt_root": _apt_root,
    "apt": _apt,
    "systemd": _systemd,
    "unit": _unit,
    "unit_start": _unit_start,
    "partition": _partition,
}
