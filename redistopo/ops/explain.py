"""Why a topology doesn't come together, told with the error that says so."""

from collections.abc import Iterator
from contextlib import contextmanager

from redistopo.errors import Interrupted, MachineLacks, NodeDied, RedistopoError, WrongRequest
from redistopo.form.hands import Hands
from redistopo.form.reach import find_reach
from redistopo.model.explanation import Reach, explanation

BUNDLE = "redistopo bundle collects everything for a report"

_PLAIN = (WrongRequest, MachineLacks, Interrupted)
"""Refusals that say it all: nothing was waited for."""


@contextmanager
def explaining(hands: Hands) -> Iterator[None]:
    """An error about servers also tells who can't reach whom, why, and what to type.

    Servers must still be as they were when it was raised, so nothing is undone before.
    """
    try:
        yield
    except _PLAIN:
        raise
    except NodeDied as error:
        # its own last log lines say it better than any probe
        error.hint = _joined(error.hint, BUNDLE)
        raise
    except RedistopoError as error:
        explain(error, find_reach(hands))
        raise


def explain(error: RedistopoError, found: Reach) -> None:
    """The error tells the pair, the cause and the matrix, and first of all what to type."""
    error.detail = "\n".join(filter(None, [error.detail, explanation(found)]))
    error.hint = _joined(found.remedy, error.hint, BUNDLE)


def _joined(*hints: str) -> str:
    return "; ".join(filter(None, hints))
