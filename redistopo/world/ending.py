"""Ending servers of ours: asked first, then told, and always by the deadline."""

import signal
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import psutil

from redistopo.errors import RedistopoError
from redistopo.model.layout import Layout
from redistopo.world.process import await_end, signal_process
from redistopo.world.record import forget_mark
from redistopo.world.waiting import Deadline

_TO_SIGTERM = 0.4
_TO_SIGKILL = 0.75
"""Shares of the deadline; Redis also saves on SIGTERM."""

_AGAIN = 0.25
"""Seconds after which a server that refused is told again."""


def nobody(_name: str) -> bool:
    """Ask no server: SIGTERM at once."""
    return False


def end_all(
    layout: Layout,
    running: Mapping[str, psutil.Process],
    deadline: Deadline,
    ask: Callable[[str], bool] = nobody,
) -> None:
    """None of these processes runs any more, and none is on record.

    Each must have been proven ours by the caller. `ask` asks one server by name to shut
    down, and says whether it agreed; who didn't gets SIGTERM. A stopped process (SIGSTOP)
    is continued, so that it can save. Raises RedistopoError where one outlives SIGKILL.
    """
    with ThreadPoolExecutor(max(1, min(32, len(running)))) as pool:
        agreed = dict(zip(running, pool.map(ask, running), strict=True))
    refused = {process.pid for name, process in running.items() if not agreed[name]}
    alive = _await_kindly(list(running.values()), refused, deadline.part(_TO_SIGTERM))
    _terminate(alive)
    alive = await_end(alive, deadline.part(_TO_SIGKILL))
    for process in alive:
        signal_process(process, signal.SIGKILL)
    if alive and (left := await_end(alive, Deadline(max(deadline.left, 2.0)))):
        pids = ", ".join(str(process.pid) for process in left)
        raise RedistopoError(
            f"pid {pids} did not end, not even by SIGKILL",
            hint="a process in uninterruptible disk wait ends when its disk answers",
        )
    for name in running:
        forget_mark(layout, name)


def _await_kindly(
    alive: list[psutil.Process], refused: set[int], deadline: Deadline
) -> list[psutil.Process]:
    """Those that still run at the deadline; who refused to end is told again and again.

    A server that writes its first AOF, as a replica does right after its first sync, refuses
    to end and forgets the signal (server.c, finishShutdown: "Writing initial AOF").
    """
    while alive and not deadline.over:
        _terminate(process for process in alive if process.pid in refused)
        alive = await_end(alive, Deadline(min(_AGAIN, deadline.left)))
    return alive


def _terminate(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        signal_process(process, signal.SIGTERM)
        signal_process(process, signal.SIGCONT)
