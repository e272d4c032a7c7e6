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

_AGAIN_SECONDS = 0.25


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
    refused = [process for name, process in running.items() if not agreed[name]]
    alive = _terminated(list(running.values()), refused, deadline.part(_TO_SIGTERM))
    alive = _terminated(alive, alive, deadline.part(_TO_SIGKILL))
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


def _terminated(
    alive: list[psutil.Process], told: list[psutil.Process], deadline: Deadline
) -> list[psutil.Process]:
    """Those still alive at the deadline; the ones in `told` get SIGTERM, again and again.

    A server that writes its first AOF (a replica after its first sync) refuses to end and
    forgets that it was asked; a second SIGTERM does no harm to one that is about to end
    (server.c, prepareForShutdown and sigShutdownHandler).
    """
    while alive:
        _terminate(process for process in told if process in alive)
        alive = await_end(alive, Deadline(min(_AGAIN_SECONDS, deadline.left)))
        if deadline.over:
            break
    return alive


def _terminate(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        signal_process(process, signal.SIGTERM)
        signal_process(process, signal.SIGCONT)
