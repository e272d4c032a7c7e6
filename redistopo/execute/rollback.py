"""Stops what a verb started if it failed."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redistopo.errors import RedistopoError, RestartNeeded, TimedOut, Unhealthy
from redistopo.execute.context import ExecutionContext
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline
from redistopo.model.planning.step import join_names
from redistopo.model.remedies.remedy import joined
from redistopo.progress import note, step, warn

_SECONDS = 10.0

_TO_SERVERS = re.compile(r"redistopo (?:call|cli|reset)\b")
"""Commands that need servers which run."""


@contextmanager
def rolled_back_on_failure(
    context: ExecutionContext,
    *,
    keep: bool = False,
    formed: bool = False,
    moving: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Stop the servers that this run started if anything fails, unless `keep` is set.

    They keep running if only a restart is needed: a rolling one needs all nodes. So do those of a
    topology that was `formed` before, but doesn't become healthy: it serves what it can, and its
    repair needs running servers. And so do all while slots are `moving`: a new node may own some
    by then, and a cluster without it serves no slot at all (cluster-require-full-coverage).
    """
    try:
        yield
    except RestartNeeded:
        raise
    except (Unhealthy, TimedOut) as error:
        if formed and context.started:
            note(context.progress, "the servers are left running; redistopo down stops them")
        else:
            _undo(context, keep=keep)
            _explain_keeping(context, error, keep=keep)
        raise
    except BaseException:
        if context.started and moving():
            names = join_names(context.started)
            note(context.progress, f"{names}: left running, since slots move to or from there")
        else:
            _undo(context, keep=keep)
        raise


def _undo(context: ExecutionContext, *, keep: bool) -> None:
    if context.started and keep:
        names = ", ".join(context.started)
        note(context.progress, f"kept running: {names}; redistopo down stops them")
    elif context.started:
        _roll_back(context)


def _explain_keeping(context: ExecutionContext, error: RedistopoError, *, keep: bool) -> None:
    """Have a hint whose commands need servers begin with what makes them run: the same again, which
    forms an unfinished topology from the start, or with --keep."""
    hint = error.hint
    if context.started and not keep and _TO_SERVERS.search(hint) and "--keep" not in hint:
        again = "redistopo up, which begins again; if it fails too: redistopo up --keep, then "
        error.hint = joined(again, hint)


def _roll_back(context: ExecutionContext) -> None:
    """Stop what this run started; data and logs are kept."""
    from redistopo.execute.terminate import end_all

    count = "1 server" if len(context.started) == 1 else f"{len(context.started)} servers"
    processes, layout = context.host.processes, context.plan.layout
    with interrupts_deferred():
        try:
            with step(context.progress, f"stop the {count} that this run started"):
                end_all(processes, layout, context.started, Deadline(_SECONDS))
        except RedistopoError as error:
            warn(context.progress, f"{error.message}; to try again: redistopo down")
