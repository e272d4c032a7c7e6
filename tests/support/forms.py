"""Long tests have two forms: short, as the gate runs them, and whole, with TESTS_FULL=1."""

import os
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")

FULL = bool(os.environ.get("TESTS_FULL"))
"""Whether this is a run of the whole forms (`make test-full`)."""


def examples(whole: int) -> int:
    """How many generated cases a property gets: a tenth in the short form."""
    return whole if FULL else whole // 10


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """All of them; in the short form at most so many, evenly chosen, the first and the last too."""
    if FULL or len(items) <= most:
        return list(items)
    return [items[round(n * (len(items) - 1) / max(1, most - 1))] for n in range(most)]
