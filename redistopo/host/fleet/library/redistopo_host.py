#!/usr/bin/python3
"""An Ansible module: performs a list of operations on one host, in order, in one task.

It needs Python 3.8 or newer, its standard library, and no redistopo. Operations and results are
JSON, compressed and base64-encoded, so that no template engine reads them and no log shows them.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager, suppress
from typing import Any, Callable, Dict, Iterable, Iterator, List

from ansible.module_utils import redistopo_units as units
from ansible.module_utils.redistopo_files import (
    Refused,
    folder,
    link,
    read,
    refuse_folders_of_others,
    remove,
    rename,
    write,
)
from ansible.module_utils.redistopo_network import cut, heal, reach
from ansible.module_utils.redistopo_packages import install_package
from ansible.module_utils.redistopo_processes import (
    await_end,
    send_signal,
    start,
    stop,
    try_program,
)
from ansible.module_utils.redistopo_seen import (
    added,
    boot_id,
    by_folder,
    files_below,
    process_seen,
    room_left,
    server_of,
    taken_ports,
    text_of,
)

DOCUMENTATION = "module: redistopo_host\nshort_description: operate the Redis servers of a host\n"

Op = Dict[str, Any]
LEASE_SECONDS = 60


def facts(op: Op) -> Op:
    """The host's facts, and the servers that are installed there, with their banners."""
    names = [op["engine"]] if op["engine"] else ["redis-server", "valkey-server"]
    path = os.environ.get("PATH", "") + ":/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin"
    engines = {}
    for found in (shutil.which(name, path=path) for name in names):
        if found:
            done = subprocess.run([found, "--version"], stdout=subprocess.PIPE, check=False)
            engines[found] = done.stdout.decode(errors="replace").strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "boot": boot_id(), "python": sys.version.split()[0], "time": time.time(),
        "init": text_of("/proc/1/comm"), "uid": os.getuid(), "node": os.uname().nodename,
        "engines": engines, "memory": memory, "systemd": units.version(),
    }  # fmt: skip


def look(op: Op) -> Op:
    """Inspect the nodes' processes, ports and files, the marker and the disk."""
    base, nodes = op["base"], {}
    kept = op.get("units", {"names": {}, "id": ""})
    processes = _processes(base, op["nodes"], kept)
    for name, ports in op["nodes"].items():
        root, process = os.path.join(base, "nodes", name), processes[name]
        there = os.path.isdir(root)
        nodes[name] = {
            "process": process,
            "there": there,
            "files": files_below(root, 1 << 14 if process else 1 << 18) if there else {},
            "taken": {} if process else taken_ports(ports),
            "at_boot": units.starts_at_boot(kept, name),
        }
    marker = text_of(os.path.join(base, "MARKER"))
    return {"nodes": nodes, "marker": marker, **room_left(base)}


def _processes(base: str, names: Iterable[str], kept: Op) -> Op:
    """Each node's server, if one runs; that of a unit which works in another folder, too."""
    working = by_folder()
    found = {name: server_of(os.path.join(base, "nodes", name), working) for name in names}
    missing = [name for name, process in found.items() if process is None]
    for name, pid in units.servers_of(kept, missing).items():
        found[name] = process_seen(pid, lost=True)
    return found


def claim(op: Op) -> Op:
    """Make the topology's folder with its marker; refuses one that isn't this topology's, or is
    another user's, who could replace what is in it."""
    base, mark = op["base"], os.path.join(op["base"], "MARKER")
    if os.path.lexists(base) and os.lstat(base).st_uid != os.geteuid():
        raise Refused("owner", base=base, uid=os.lstat(base).st_uid)
    found = text_of(mark)
    if not found:
        refuse_folders_of_others(base)
    if found and found != op["id"]:
        raise Refused("marker", found=found, base=base)
    if not found:
        there = os.listdir(base) if os.path.isdir(base) else []
        if [one for one in there if not one.startswith(".")] and text_of(mark) != op["id"]:
            raise Refused("foreign", base=base)  # machines may share the folder
        os.umask(0o022)  # it counts for the folders above
        os.makedirs(base, mode=0o700, exist_ok=True)
        write({"path": mark, "text": op["id"] + "\n"})
    return {}


@contextmanager
def _guarded(base: str) -> Iterator[str]:
    """The path of the lock, which only this process reads and writes in the meantime."""
    with open(os.path.join(base, ".lock.guard"), "w", encoding="ascii") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield os.path.join(base, ".lock")


def _refuse_locked(path: str, token: str) -> None:
    held: Op = {}
    with suppress(ValueError):
        held = json.loads(text_of(path) or "{}")
    if held and held["token"] != token and time.time() - held["at"] < LEASE_SECONDS:
        raise Refused("locked", who=held["who"], path=path)


def lock(op: Op) -> Op:
    """Lock the host for one controller, or renew its lock; another one's lock expires."""
    with _guarded(op["base"]) as path:
        _refuse_locked(path, op["token"])
        now = {"token": op["token"], "once": op["once"], "who": op["who"], "at": time.time()}
        write({"path": path, "text": json.dumps(now)})
    return {}


def unlock(op: Op) -> Op:
    """Release the lock, unless a later command of this controller has it already."""
    if os.path.isdir(op["base"]):
        with _guarded(op["base"]) as path, suppress(ValueError, KeyError):
            if json.loads(text_of(path) or "{}")["once"] == op["once"]:
                os.unlink(path)
    return {}


def wipe(op: Op) -> Op:
    """Remove the topology's folder and its units, if its marker is there and no other controller
    is at work."""
    _refuse_locked(os.path.join(op["base"], ".lock"), op["token"])
    units.discard_all(op["id"])
    if text_of(os.path.join(op["base"], "MARKER")) == op["id"]:
        for _ in range(3):  # machines may share the folder
            shutil.rmtree(op["base"], ignore_errors=True)
        if os.path.isdir(op["base"]):
            shutil.rmtree(op["base"])
    return {}


OPERATIONS: Dict[str, Callable[[Op], Op]] = {
    "write": write, "folder": folder, "remove": remove, "rename": rename, "link": link,
    "read": read, "start": start, "signal": send_signal, "await": await_end, "facts": facts,
    "look": look, "claim": claim, "lock": lock, "unlock": unlock, "wipe": wipe,
    "stop": stop, "added": added, "reach": reach, "cut": cut, "heal": heal,
    "try": try_program, "unit_off": units.unit_off, "install": install_package,
}  # fmt: skip


def perform(ops: List[Op]) -> List[Op]:
    """Perform the operations in order, up to the first that fails, and return their results."""
    results: List[Op] = []
    for op in ops:
        try:
            results.append(OPERATIONS[op["op"]](op))
            continue
        except Refused as refusal:
            results.append(refusal.details)
        except OSError as error:
            why = error.strerror or str(error)
            path = str(error.filename or op.get("path") or op.get("base") or "")
            results.append({"refused": "file", "why": why, "errno": error.errno, "path": path})
        if not op.get("may_fail"):
            break
    return results


def encode(values: Any) -> str:
    """Encode values as text that is neither a template nor readable in a log."""
    return base64.b64encode(zlib.compress(json.dumps(values).encode())).decode("ascii")


def decode(text: str) -> Any:
    """Decode what `encode` returned; or, in base64, the word plain and JSON, as playbooks write."""
    data = base64.b64decode(text)
    word, _, plain = data.lstrip().partition(b"\n")
    return json.loads((plain if word == b"plain" else zlib.decompress(data)).decode())


SAID = {
    "owner": "%(base)s belongs to user %(uid)s",
    "writable": "%(base)s can be written to by other users (mode %(mode)s)",
    "foreign": "%(base)s has files that are not of this topology",
    "marker": "%(base)s belongs to another topology: %(found)s",
    "engine": "%(program)s does not start: %(why)s",
    "file": "%(path)s: %(why)s",
    "running": "process %(pid)s has not ended within %(seconds)s s",
    "systemd": "no units there: %(why)s",
    "no_apt": "no apt-get there to install %(package)s",
    "apt_root": "installing %(package)s takes root, and this is user %(uid)s",
    "apt": "apt can not install %(package)s: %(why)s",
    "unit": "%(path)s is there, and not of this topology",
    "unit_start": "systemd does not start %(unit)s: %(why)s",
}


def failures(results: List[Op]) -> List[str]:
    """What a playbook must not go on after: refusals, and servers that ended at once."""
    refused = [SAID.get(one["refused"], "%(refused)s") % one for one in results if "refused" in one]
    ended = [one["exit"] for one in results if one.get("exit") is not None]
    return refused + ["a server ended with exit code %s: see its log" % code for code in ended]


def answer(ops: str) -> str:
    """Perform encoded operations, and return their results, encoded; what was begun is finished
    even if the connection ends."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return encode(perform(decode(ops)))


def main() -> None:
    """Perform the operations that Ansible passes."""
    from ansible.module_utils.basic import AnsibleModule

    arguments = {
        "ops": {"type": "str", "required": True, "no_log": True},
        "strict": {"type": "bool", "default": False},
    }
    module = AnsibleModule(argument_spec=arguments)
    replies = answer(module.params["ops"])
    if not module.params["strict"]:
        module.exit_json(changed=False, replies=replies)
    results = decode(replies)
    if wrong := failures(results):
        module.fail_json(msg="; ".join(wrong))
    started = any(one.get("kept") is None and "started" in one for one in results)
    module.exit_json(changed=started or any(one.get("stopped") for one in results))


if __name__ == "__main__":
    main()
