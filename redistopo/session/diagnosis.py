"""Why a topology doesn't come together, told with the error that says so."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from redistopo.errors import (
    FaultFound,
    Interrupted,
    MachineLacks,
    NodeDied,
    RedistopoError,
    WrongRequest,
)
from redistopo.execute.context import Hands
from redistopo.execute.slow_wait import find_reach
from redistopo.host.files import write_private
from redistopo.model.connectivity.report import Reach, explanation
from redistopo.model.state.observed import Observed
from redistopo.project.secrets import hide
from redistopo.session.hearing import hear

BUNDLE = "for a report: redistopo bundle"

_PLAIN = (WrongRequest, MachineLacks, Interrupted)
"""Refusals that say it all: nothing was waited for."""


@contextmanager
def explaining(hands: Hands) -> Iterator[None]:
    """An error about servers also tells who can't reach whom, why, and what to type.

    Servers must still be as they were when it was raised, so nothing is undone before.
    """
    try:
        yield
    except _PLAIN as error:
        if hands.started and not isinstance(error, Interrupted):
            error.detail = _lines(error.detail, BUNDLE)
        raise
    except RedistopoError as error:
        seen, found = find_reach(hands)
        # a node that died says it better by its own last log lines
        explain(error, found if not isinstance(error, NodeDied) else None)
        hide(error, hands.plan.layout)
        _keep(hands, error, seen)
        raise
    with suppress(OSError):  # it is a help for a bundle, no more; and below
        hands.plan.layout.failure.unlink(missing_ok=True)


def _keep(hands: Hands, error: RedistopoError, seen: Observed) -> None:
    """What the nodes say now is kept for a bundle: once it is undone, none can be asked."""
    told = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "error": type(error).__name__,
        "message": error.message,
        "detail": error.detail,
        "hint": error.hint,
        "nodes": hear(seen, hands.asker),
    }
    with suppress(MachineLacks):
        write_private(hands.plan.layout.failure, json.dumps(told, indent=1) + "\n")


def explain(error: RedistopoError, found: Reach | None) -> None:
    """The error tells the pair, the cause and the matrix, and first of all what to type."""
    remedy = found.remedy if found else ""
    if found:
        error.detail = _lines(error.detail, explanation(found))
    # a check's hint is a guess at what is known now
    guessed = isinstance(error, FaultFound) or error.hint in remedy
    error.hint = "; ".join(filter(None, [remedy, "" if remedy and guessed else error.hint]))
    # not in the hint, which often ends with a command to paste
    error.detail = _lines(error.detail, BUNDLE)


def _lines(*texts: str) -> str:
    return "\n".join(filter(None, texts))
