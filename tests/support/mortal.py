"""Verbs that end by SIGKILL at any of their steps: a nursery that forks one for each trial.

A boundary is whatever a verb tells (`Event`), and each durable or outward act just before
it is done: a file renamed into place or removed, a folder made or removed, a program
started, a signal sent. Python's own audit events (PEP 578) show these, so that the product
has no hook for it, and a new step is a new boundary by itself.
"""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.forked import FORKER

_ACTS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.kill", "subprocess.Popen"}
_SERVING = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from support.mortal import serve
serve()
"""


@dataclass(frozen=True)
class Ended:
    """How a verb ended: -9 where it was killed; `boundaries` is what it passed, in order."""

    code: int
    said: str
    boundaries: tuple[str, ...]


class Nursery:
    """A process that has all of redistopo loaded and forks, so that a trial takes no import; it is
    a fork itself, of the process that forks commands."""

    def __init__(self) -> None:
        orders, answers = os.pipe(), os.pipe()
        self._orders = os.fdopen(orders[1], "w")
        self._answers = os.fdopen(answers[0])
        self._process = FORKER.begin_between(
            [orders[0], answers[1], os.dup(2)],
            [sys.executable, "-c", _SERVING],
            Path.cwd(),
            os.environ,
        )

    def run(self, verb: str, root: Path, *, end_at: int = 0, **extra: Any) -> Ended:
        """The verb ran in that folder, and was killed at its nth boundary, if it came to it, or at
        the first one whose text has that of `end_in`."""
        order = {"verb": verb, "root": str(root), "end_at": end_at, **extra}
        self._orders.write(json.dumps(order) + "\n")
        self._orders.flush()
        told = json.loads(self._answers.readline())
        return Ended(told["code"], told["said"], tuple(told["boundaries"]))

    def close(self) -> None:
        self._orders.close()
        self._answers.close()
        self._process.wait(20)


@contextmanager
def nursery() -> Iterator[Nursery]:
    """A nursery, ended afterwards."""
    made = Nursery()
    try:
        yield made
    finally:
        made.close()


class Reaper:
    """Counts boundaries in the child, writes them down, and kills it at the chosen one."""

    def __init__(self, order: dict[str, Any], notes: int) -> None:
        self._end_at = order["end_at"]
        self._end_in = order.get("end_in", "")
        self._steal = order.get("steal")
        self._notes = notes
        self._commands = order.get("commands", ())
        self._count = 0
        self._armed = False
        self._held: list[socket.socket] = []

    def arm(self) -> None:
        self._armed = True
        sys.addaudithook(self.audit)
        if self._commands:
            self._count_commands()

    def _count_commands(self) -> None:
        """Each pipeline with one of these commands is a boundary, just before it is sent."""
        from redistopo.client.connection import Connections

        true = Connections.execute

        def execute(client: Any, endpoint: Any, commands: Any, *usual: Any) -> Any:
            wanted = list(commands)
            if wanted and (words := {str(one) for one in wanted[0]}.intersection(self._commands)):
                self._pass(f"{endpoint}: {' '.join(sorted(words))}")
            return true(client, endpoint, wanted, *usual)

        Connections.execute = execute  # type: ignore[method-assign]

    def disarm(self) -> None:
        self._armed = False

    def audit(self, event: str, words: tuple[Any, ...]) -> None:
        if self._armed and event in _ACTS:
            self._pass(f"{event} {Path(str(words[0])).name if words else ''}")

    def progress(self, event: Any) -> None:
        if self._steal and event.kind == "started" and event.text.startswith(self._steal[0]):
            self._held.append(socket.create_server(("127.0.0.1", self._steal[1])))
            self._steal = None
        self._pass(f"{event.kind}: {event.text}")

    def _pass(self, boundary: str) -> None:
        self._count += 1
        os.write(self._notes, f"{boundary}\n".encode())
        if self._count == self._end_at or (self._end_in and self._end_in in boundary):
            os.kill(os.getpid(), signal.SIGKILL)


def _verbs() -> dict[str, Callable[[Path, Any], Any]]:
    from redistopo.ops.certs import renew
    from redistopo.ops.directive_edit import SetRequest
    from redistopo.ops.down import DownRequest, down
    from redistopo.ops.reset import ResetRequest, reset
    from redistopo.ops.restart import RestartRequest, restart
    from redistopo.ops.scale import ScaleRequest, scale
    from redistopo.ops.secret import rotate
    from redistopo.ops.set import set_directive
    from redistopo.ops.undo import UndoRequest, undo
    from redistopo.ops.up import UpRequest, up
    from redistopo.ops.upgrade import UpgradeRequest, upgrade

    return {
        "up": lambda root, progress: up(UpRequest(root=root), progress),
        "down": lambda root, progress: down(DownRequest(root=root), progress),
        "rotate": lambda root, progress: rotate(root, progress, keep_old=False, seconds=20),
        "roll": lambda root, progress: restart(RestartRequest(root=root, rolling=True), progress),
        "upgrade": lambda root, progress: upgrade(
            UpgradeRequest(root=root, snapshot=False), progress
        ),
        "set": lambda root, progress: set_directive(
            SetRequest(root=root, directive="maxmemory", value=(f"{os.getpid()}mb",)), progress
        ),
        "reset": lambda root, progress: reset(
            ResetRequest(root=root, words=("node1",), hard=True, force=True), progress
        ),
        "move": lambda root, progress: _move(root, progress, "node2"),
        "back": lambda root, progress: _move(root, progress, "node1"),
        "readdress": _readdress,
        "undo": lambda root, progress: undo(UndoRequest(root=root), progress),
        "grow": lambda root, progress: scale(ScaleRequest(root=root, shards=3), progress),
        "shrink": lambda root, progress: scale(ScaleRequest(root=root, shards=2), progress),
        "more": lambda root, progress: scale(ScaleRequest(root=root, replicas=2), progress),
        "fewer": lambda root, progress: scale(ScaleRequest(root=root, replicas=1), progress),
        "rebalance": _rebalance,
        "renew": lambda root, progress: renew(root, 365, progress),
        "rebuild": lambda root, progress: up(UpRequest(root=root, rebuild=("node1",)), progress),
        "wipe": lambda root, progress: down(DownRequest(root=root, wipe=True), progress),
    }


def _move(root: Path, progress: Any, to: str) -> Any:
    from redistopo.ops.move_slots import MoveSlotsRequest, move, move_slots_of

    return move(move_slots_of(MoveSlotsRequest(root=root, slots="0-39", to=to)), progress)


def _readdress(root: Path, progress: Any) -> Any:
    """To the ports that the file `to` names."""
    from redistopo.ops.move import MoveRequest, move

    return move(MoveRequest(root=root, port=int((root / "to").read_text())), progress)


def _rebalance(root: Path, progress: Any) -> Any:
    from redistopo.ops.move_slots import move
    from redistopo.ops.rebalance import RebalanceRequest, rebalance_of

    return move(rebalance_of(RebalanceRequest(root=root)), progress)


def _child(order: dict[str, Any], notes: int, verb: Callable[[Path, Any], Any]) -> None:
    from redistopo.errors import RedistopoError

    if "umask" in order:
        os.umask(order["umask"])
    if jump := order.get("clock"):
        _jumping(jump)
    reaper = Reaper(order, notes)
    code, said = 0, ""
    try:
        reaper.arm()
        verb(Path(order["root"]), reaper.progress)
    except RedistopoError as error:
        code, said = int(error.code), f"{error.message}\n{error.detail}\n{error.hint}"
    finally:
        reaper.disarm()
    os.write(notes, f"\0{json.dumps(said)}\n".encode())
    os._exit(code)


def _jumping(seconds: float) -> None:
    """Each look at the wall clock is that much later (or earlier) than the last one."""
    true, jumps = time.time, iter(range(10**9))
    time.time = lambda: true() + seconds * next(jumps)


def serve() -> None:
    """One fork for each order on stdin; the answer says how it ended."""
    verbs = _verbs()
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        os.set_inheritable(writing, False)
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            try:
                _child(order, writing, verbs[order["verb"]])
            except BaseException as error:  # noqa: BLE001  told to the test, whatever it is
                os.write(writing, f"\0{json.dumps(repr(error))}\n".encode())
                os._exit(99)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8", errors="replace") as notes:
            text = notes.read()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        passed, _, said = text.partition("\0")
        answer = {
            "code": status,
            "said": json.loads(said) if said else "",
            "boundaries": passed.splitlines(),
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
