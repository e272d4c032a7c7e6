"""What the module redistopo_host does with servers: starts, signals, awaits and ends them.

Python 3.8 or newer with its standard library; Ansible sends it beside the module.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from typing import Any, Dict

from ansible.module_utils import redistopo_units as units
from ansible.module_utils.redistopo_files import Refused, write
from ansible.module_utils.redistopo_seen import by_folder, process_seen, runs, server_of

Op = Dict[str, Any]
TO_EFFECT_SECONDS = 1.0
TRIAL_SECONDS = 5.0


def start(op: Op) -> Op:
    """Start a node's server in its own folder, and record it; one that runs is kept.

    With the text of a `unit`, systemd starts it; otherwise, or if the unit is only for hosts where
    it is possible (`auto`) and this isn't one, it is detached from this process.
    """
    root, unit = op["folder"], op.get("unit", {"text": "", "name": "", "id": ""})
    running = server_of(root, by_folder())
    if running:
        return {**dict(running), "kept": True, "exit": None}
    os.makedirs(root, mode=0o700, exist_ok=True)
    if unit["text"] and (units.possible() or not unit.get("auto")):
        return _start_unit(op, unit)
    units.discard([unit["name"]], unit["id"])
    return _start_process(op)


def _start_process(op: Op) -> Op:
    handle = _log(op)
    try:
        os.write(handle, (op["note"] + "\n").encode())
        os.umask(0o077)  # the server creates its files with it
        child = subprocess.Popen(
            op["argv"], cwd=op["folder"], stdin=subprocess.DEVNULL, stdout=handle, stderr=handle,
            start_new_session=True, close_fds=True,
        )  # fmt: skip
    except OSError as error:
        raise Refused("engine", program=op["argv"][0], why=error.strerror) from error
    finally:
        os.close(handle)
    seen = _recorded(op, child.pid)
    with suppress(subprocess.TimeoutExpired):
        seen["exit"] = child.wait(op["watch"])
    return seen


def _start_unit(op: Op, unit: Op) -> Op:
    """The unit writes the note itself, since systemd also starts it at boot."""
    os.close(_log(op))  # by systemd, others could read it
    if unit.get("server"):  # a word that stands for its path, which is known here
        unit["text"] = unit["text"].replace(unit["server"], _path(op["argv"][0]))
    units.install(unit)
    seen = _recorded(op, units.begin(unit["name"]))
    until = time.monotonic() + op["watch"]
    while runs(seen["pid"], seen["started"], seen["boot"]):
        if time.monotonic() >= until:
            return seen
        time.sleep(0.005)
    seen["exit"] = units.exit_code(unit["name"])
    return seen


def _path(program: str) -> str:
    """The path of a program, as a word of a unit."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/local/bin:/usr/bin")
    if not found:
        raise Refused("engine", program=program, why="it isn't on PATH")
    return '"%s"' % found.replace("%", "%%")


def _log(op: Op) -> int:
    """The node's log, open for appending."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    return os.open(op["log"], flags, 0o600)


def _recorded(op: Op, pid: int) -> Op:
    seen: Op = process_seen(pid, lost=False)
    made = {"node": op["node"], "executable": op["argv"][0], "config": op["argv"][1]}
    made.update(pid=pid, started=seen["started"], boot=seen["boot"], launching=False)
    write({"path": os.path.join(op["folder"], "process.json"), "text": json.dumps(made) + "\n"})
    seen["exit"] = None
    return seen


def try_program(op: Op) -> Op:
    """Run a program with a text as its input; it can write no file, not even a core dump."""
    missing = [path for path in op["needs"] if not os.path.lexists(path)]
    try:
        child = subprocess.Popen(
            op["argv"], cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return {"printed": error.strerror or str(error), "missing": missing}
    try:
        for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):  # before it has its input
            resource.prlimit(child.pid, limit, (0, 0))
        printed, _ = child.communicate(op["text"].encode(errors="surrogateescape"), TRIAL_SECONDS)
    except subprocess.TimeoutExpired:
        printed = b"it didn't end"
    finally:
        child.kill()
        child.wait()
    return {"printed": printed.decode(errors="replace"), "missing": missing}


def send_signal(op: Op) -> Op:
    """Send a signal to that very process; a pause has begun, or ended, when this returns."""
    signalled(op["pid"], op["started"], op["boot"], op["number"])
    if op["number"] in (signal.SIGSTOP, signal.SIGCONT):
        until, paused = time.monotonic() + TO_EFFECT_SECONDS, op["number"] == signal.SIGSTOP
        while time.monotonic() < until and runs(op["pid"], op["started"], op["boot"]):
            if process_seen(op["pid"], lost=False)["paused"] is paused:
                break
            time.sleep(0.002)
    return {}


def signalled(pid: int, started: float, boot: str, number: int) -> bool:
    """Send a signal to that very process; returns whether it still ran.

    It may end after the proof, and its pid become another process's. A descriptor of a process
    (pidfd_open(2)) stays that process's, so that it is opened before the proof.
    """
    handle = _descriptor(pid)
    try:
        if not runs(pid, started, boot):
            return False
        with suppress(ProcessLookupError):
            if handle is None:
                os.kill(pid, number)
            else:
                signal.pidfd_send_signal(handle, number)
        return True
    finally:
        if handle is not None:
            os.close(handle)


def _descriptor(pid: int) -> Any:
    """A descriptor of a process; None where Linux (before 5.3) or Python (before 3.9) has none, or
    a filter of system calls forbids it."""
    with suppress(AttributeError, OSError):
        return os.pidfd_open(pid)
    return None


def await_end(op: Op) -> Op:
    """Wait until processes end; returns the pids of those that don't in time."""
    until = time.monotonic() + op["seconds"]
    left = op["processes"]
    while True:
        left = [one for one in left if runs(*one)]
        if not left or time.monotonic() >= until:
            return {"left": [one[0] for one in left]}
        time.sleep(0.005)


def stop(op: Op) -> Op:
    """End a node's server, if one runs, as SIGTERM ends it; its data stays."""
    running: Op | None = server_of(op["folder"], by_folder())
    if running:
        send_signal({**running, "number": signal.SIGTERM})
        process = (running["pid"], running["started"], running["boot"])
        if await_end({"processes": [process], "seconds": op["seconds"]})["left"]:
            raise Refused("running", pid=running["pid"], seconds=op["seconds"])
    return {"stopped": bool(running)}
