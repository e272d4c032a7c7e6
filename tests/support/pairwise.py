"""A small selection of cases that still has every pair of values together somewhere."""

import random
from collections.abc import Callable, Iterable
from itertools import combinations
from typing import TypeVar

Case = TypeVar("Case")

Pair = tuple[tuple[int, str], tuple[int, str]]


def pairwise(
    cases: Iterable[Case], values: Callable[[Case], tuple[str, ...]], cost: Callable[[Case], float]
) -> list[Case]:
    """Cases in which every two values that ever meet do so: the cheapest selection of some found
    greedily, each from another order. The same cases give the same."""
    pairs = {one: pairs_of(values(one)) for one in cases}
    found = [_greedily(pairs, cost, random.Random(seed)) for seed in range(8)]
    found = [_without_needless(some, pairs, cost) for some in found]
    return min(found, key=lambda some: sum(map(cost, some)))


def _without_needless(
    some: list[Case], pairs: dict[Case, set[Pair]], cost: Callable[[Case], float]
) -> list[Case]:
    """Without cases whose pairs the others have by now, the dearest first."""
    for one in sorted(some, key=cost, reverse=True):
        others = [other for other in some if other is not one]
        if pairs[one] <= set().union(*(pairs[other] for other in others)):
            some = others
    return some


def _greedily(
    pairs: dict[Case, set[Pair]], cost: Callable[[Case], float], order: random.Random
) -> list[Case]:
    """Always a case with the most new pairs for its cost; of equals the first in that order."""
    cases = [*pairs]
    order.shuffle(cases)
    pairs = {one: pairs[one] for one in cases}
    open_ = set().union(*pairs.values())
    chosen = []
    while open_:
        best = max(pairs, key=lambda one: len(pairs[one] & open_) / cost(one))
        chosen.append(best)
        open_ -= pairs.pop(best)
    return chosen


def pairs_of(values: tuple[str, ...]) -> set[Pair]:
    """Every two values of a case, each with its place."""
    return set(combinations(enumerate(values), 2))
