"""Adds a connectivity diagnosis to errors of starting topologies."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from redistopo.errors import (
    Interrupted,
    MissingPrerequisite,
    NodeDied,
    RedistopoError,
    Unhealthy,
    UsageError,
)
from redistopo.execute.context import ExecutionContext
from redistopo.execute.slow_wait import find_reach, slow_disk, sync_seconds
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.observed import Observed

if TYPE_CHECKING:
    from redistopo.model.connectivity.report import ConnectivityReport

BUNDLE = "for a report: redistopo bundle"

_PLAIN = (UsageError, MissingPrerequisite, Interrupted)
"""Errors that need no diagnosis, since nothing was waited for."""

_MOST_KEPT = 24
"""So many nodes' replies are kept: of a large topology, those that the error is about."""

_SYNCS = 100
"""So many synced writes, one after the other, a small cluster's start is over."""


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
        from redistopo.project.redact_secrets import hide

        seen, found = find_reach(context)
        # for a node that exited, its own last log lines are better
        plain = isinstance(error, NodeDied) or (isinstance(error, Unhealthy) and error.certain)
        explain(error, None if plain else found)
        if not plain and (seconds := sync_seconds(context)):
            error.detail = _lines(slow_disk(context, seconds), error.detail)
            more = longer(context.deadline.seconds, seconds)
            error.hint = joined(more, error.hint, by="; ")  # the disk may not be the only cause
        hide(error, context.plan.layout)
        concerned = set(found.first_nodes(_MOST_KEPT))
        nodes = tuple(node for node in seen.nodes if node.name in concerned)
        _keep(context, error, replace(seen, nodes=nodes))
        raise
    with suppress(MissingPrerequisite):  # it is only an aid for a bundle; the same below
        context.host.files.remove(context.plan.layout.failure)


def longer(limit: float, seconds: float) -> str:
    """Allow the start enough time where a synced write takes so many seconds."""
    enough = max(2 * limit, _SYNCS * seconds)
    return f"redistopo up --timeout {enough:.0f}, or use a faster disk"


def _keep(context: ExecutionContext, error: RedistopoError, seen: Observed) -> None:
    """Keep the nodes' replies for a bundle: after a rollback, none can be queried."""
    from redistopo.session.raw_replies import ask_nodes

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


def explain(error: RedistopoError, found: "ConnectivityReport | None") -> None:
    """Add the failing link, the cause and the matrix to an error, and its remedy to the hint."""
    remedy = found.remedy if found else ""
    if found:
        from redistopo.model.connectivity.report import explanation_lines

        error.detail = _lines(error.detail, explanation_lines(found))
    # a check's hint is a guess at what is known now
    guessed = isinstance(error, Unhealthy) or error.hint in remedy
    error.hint = joined(remedy, "" if remedy and guessed else error.hint, by="; ")
    # not in the hint, which often ends with a command to paste
    error.detail = _lines(error.detail, BUNDLE)


def _lines(*texts: str) -> str:
    return "\n".join(filter(None, texts))
