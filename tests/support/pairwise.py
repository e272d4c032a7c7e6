"""A small selection of cases that still has every pair of values together somewhere."""

from collections.abc import Callable, Iterable
from itertools import combinations
from typing import TypeVar

Case = TypeVar("Case")

Pair = tuple[tuple[int, str], tuple[int, str]]


def pairwise(
    cases: Iterable[Case], values: Callable[[Case], tuple[str, ...]], cost: Callable[[Case], float]
) -> list[Case]:
    """Cases in which every two values that ever meet do so, found greedily: always the case with
    the most new pairs for its cost, and the first of equals. The same cases give the same."""
    pairs = {one: _pairs(values(one)) for one in cases}
    open_ = set().union(*pairs.values())
    chosen = []
    while open_:
        best = max(pairs, key=lambda one: len(pairs[one] & open_) / cost(one))
        chosen.append(best)
        open_ -= pairs.pop(best)
    return chosen


def _pairs(values: tuple[str, ...]) -> set[Pair]:
    return set(combinations(enumerate(values), 2))
