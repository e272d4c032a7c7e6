"""Adds a connectivity diagnosis to errors of starting topologies."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from redistopo.errors import (
    Interrupted,
    MissingPrerequisite,
    NodeDied,
    RedistopoError,
    Unhealthy,
    UsageError,
)
from redistopo.execute.context import ExecutionContext
from redistopo.execute.slow_wait import find_reach
from redistopo.model.connectivity.report import ConnectivityReport, explanation_lines
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.observed import Observed
from redistopo.project.redact_secrets import hide
from redistopo.session.raw_replies import ask_nodes

BUNDLE = "for a report: redistopo bundle"

_PLAIN = (UsageError, MissingPrerequisite, Interrupted)
"""Errors that need no diagnosis, since nothing was waited for."""

FASTER = "use a faster disk, or appendfsync everysec and a longer --timeout"
_SLOW_SYNC_SECONDS = 0.5


@contextmanager
def explaining(context: ExecutionContext) -> Iterator[None]:
    """Add failing links, their causes and remedies to errors about servers.

    The servers must still be in the state of the error, so nothing may be undone before.
    """
    try:
        yield
    except _PLAIN as error:
        if context.started and not isinstance(error, Interrupted):
            error.detail = _lines(error.detail, BUNDLE)
        raise
    except RedistopoError as error:
        seen, found = find_reach(context)
        # for a node that exited, its own last log lines are better
        plain = isinstance(error, NodeDied) or (isinstance(error, Unhealthy) and error.certain)
        explain(error, None if plain else found)
        if not plain and (slow := slow_disk(context)):
            error.detail, error.hint = (
                _lines(slow, error.detail),
                joined(FASTER, error.hint, by="; "),
            )
        hide(error, context.plan.layout)
        _keep(context, error, seen)
        raise
    with suppress(MissingPrerequisite):  # it is only an aid for a bundle; the same below
        context.host.files.remove(context.plan.layout.failure)


def slow_disk(context: ExecutionContext) -> str:
    """Describe a disk on which servers wait for synced writes; "" if it is fast enough.

    With appendfsync always each event loop ends with one, and a cluster's node syncs its nodes.conf
    at every change.
    """
    folder = context.plan.layout.nodes
    seconds = context.host.files.sync_seconds(folder)
    if seconds < _SLOW_SYNC_SECONDS:
        return ""
    return f"the disk is slow: a synced write (fsync) in {folder} takes {seconds:.1f} s"


def _keep(context: ExecutionContext, error: RedistopoError, seen: Observed) -> None:
    """Keep the nodes' replies for a bundle: after a rollback, none can be queried."""
    told = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "error": type(error).__name__,
        "message": error.message,
        "detail": error.detail,
        "hint": error.hint,
        "nodes": ask_nodes(seen, context.client),
    }
    with suppress(MissingPrerequisite):
        context.host.files.write(context.plan.layout.failure, json.dumps(told, indent=1) + "\n")


def explain(error: RedistopoError, found: ConnectivityReport | None) -> None:
    """Add the failing link, the cause and the matrix to an error, and its remedy to the hint."""
    remedy = found.remedy if found else ""
    if found:
        error.detail = _lines(error.detail, explanation_lines(found))
    # a check's hint is a guess at what is known now
    guessed = isinstance(error, Unhealthy) or error.hint in remedy
    error.hint = joined(remedy, "" if remedy and guessed else error.hint, by="; ")
    # not in the hint, which often ends with a command to paste
    error.detail = _lines(error.detail, BUNDLE)


def _lines(*texts: str) -> str:
    return "\n".join(filter(None, texts))
