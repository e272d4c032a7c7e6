"""Ends servers of ours: by SHUTDOWN, then SIGTERM, then SIGKILL at the deadline."""

import signal
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto

from redistopo.errors import RedistopoError
from redistopo.host.host import Process, Processes
from redistopo.host.in_threads import in_threads
from redistopo.host.polling import Deadline
from redistopo.model.topology.project_paths import Layout
from redistopo.quick_dataclass import dataclass

_TO_SIGTERM = 0.4
_TO_SIGKILL = 0.75
"""Shares of the deadline; Redis also saves on SIGTERM."""

_AGAIN_SECONDS = 0.25
_EXIT_SECONDS = 10.0
"""After SIGKILL: hundreds that are killed at once exit one after the other."""


class Said(Enum):
    """A server's reply to SHUTDOWN."""

    YES = auto()
    NO = auto()  # it replied that it can't save now: it is asked again
    NEVER = auto()  # it can't save, and would lose data if it ended: it is left alone
    NOTHING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Names of the nodes that were killed at the deadline, and of those left running."""

    killed: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """How to ask one server, by name, to shut down; with `spare`, a server that refuses to the end
    is left running, and on record."""

    shut_down: Callable[[str], Said]
    spare: bool = False


ASK_NONE = Ask(lambda _name: Said.NOTHING)
"""SIGTERM at once."""


def end_all(
    processes: Processes,
    layout: Layout,
    running: Mapping[str, Process],
    deadline: Deadline,
    ask: Ask = ASK_NONE,
) -> Ended:
    """End these processes, and remove them from the record.

    The caller must have verified that each is ours. `ask` sends SHUTDOWN to one server by name; if
    it refuses, it is sent again, because a server that writes its first AOF (a replica after its
    first sync) refuses only for a moment. A server without a reply gets SIGTERM. A paused process
    is resumed, so that it can save. Raises RedistopoError if one survives SIGKILL.
    """
    alive, said = dict(running), dict.fromkeys(running, Said.NOTHING)
    said |= _asked(alive, ask, until := deadline.part(_TO_SIGTERM))
    _await(processes, alive, said, ask, until)
    until = deadline.part(_TO_SIGKILL)
    said |= _asked([name for name in alive if said[name] is Said.YES], ask, until)
    # one that is still saving can't answer, and SIGTERM does it no harm
    refused = (Said.NO, Said.NEVER)
    said = {name: one if one in refused else Said.NOTHING for name, one in said.items()}
    _await(processes, alive, said, ask, until)
    spared = tuple(name for name in alive if ask.spare and said[name] in refused)
    doomed = {name: process for name, process in alive.items() if name not in spared}
    for process in doomed.values():
        processes.signal(process, signal.SIGKILL)
    exits = Deadline(max(deadline.left, _EXIT_SECONDS))
    if doomed and (left := processes.await_end(list(doomed.values()), exits)):
        pids = ", ".join(str(process.pid) for process in left)
        raise RedistopoError(
            f"pid {pids} did not exit, not even after SIGKILL",
            hint="a process in uninterruptible disk wait exits when its disk responds",
        )
    for name in running:
        if name not in spared:
            processes.forget(layout, name)
    return Ended(killed=tuple(doomed), spared=spared)


def _asked(names: Iterable[str], ask: Ask, until: Deadline) -> dict[str, Said]:
    """What they replied. Each may take its time to: by then, those that may lose data aren't asked
    any more, but the others are, since a signal would end one that can't save, too."""
    said: dict[str, Said] = {}

    def one(name: str) -> None:
        if ask.spare or not until.over:
            said[name] = ask.shut_down(name)

    in_threads(one, names)
    return said


def _await(
    processes: Processes,
    alive: dict[str, Process],
    said: dict[str, Said],
    ask: Ask,
    deadline: Deadline,
) -> None:
    """Wait for servers to exit, and remove those that did from `alive`; ask the others again and
    again.

    A server that refuses forgets the request; a second SIGTERM does no harm to one that is about to
    exit (server.c, prepareForShutdown and sigShutdownHandler).
    """
    first = True
    while alive:
        for process in (alive[name] for name in alive if said[name] is Said.NOTHING):
            processes.signal(process, signal.SIGTERM)
            processes.signal(process, signal.SIGCONT)
        if not first:
            said |= _asked([name for name in alive if said[name] is Said.NO], ask, deadline)
        first = False
        again = Deadline(min(_AGAIN_SECONDS, deadline.left))
        left = processes.await_end(list(alive.values()), again)
        for name in [name for name, process in alive.items() if process not in left]:
            del alive[name]
        if deadline.over or all(said[name] is Said.NEVER for name in alive):
            break
