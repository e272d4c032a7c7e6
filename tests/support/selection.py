"""A small selection of cases that shows all that the whole of them shows."""

import random
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

Case = TypeVar("Case")


def selected(
    cases: Iterable[Case],
    shows: Callable[[Case], set[Hashable]],
    cost: Callable[[Case], float],
) -> list[Case]:
    """The cheapest selection of some found greedily, each from another order, in which everything
    is shown that any case shows. The same cases give the same."""
    shown = {one: shows(one) for one in cases}
    found = [_greedily(shown, cost, random.Random(seed)) for seed in range(8)]
    found = [_without_needless(some, shown, cost) for some in found]
    return min(found, key=lambda some: sum(map(cost, some)))


def _without_needless(
    some: list[Case], shown: dict[Case, set[Hashable]], cost: Callable[[Case], float]
) -> list[Case]:
    """Without cases that show what the others show by now, the dearest first."""
    for one in sorted(some, key=cost, reverse=True):
        others = [other for other in some if other is not one]
        if shown[one] <= set().union(*(shown[other] for other in others)):
            some = others
    return some


def _greedily(
    shown: dict[Case, set[Hashable]], cost: Callable[[Case], float], order: random.Random
) -> list[Case]:
    """Always a case that shows the most new for its cost; of equals the first in that order."""
    cases = [*shown]
    order.shuffle(cases)
    shown = {one: shown[one] for one in cases}
    open_ = set().union(*shown.values())
    chosen = []
    while open_:
        best = max(shown, key=lambda one: len(shown[one] & open_) / cost(one))
        chosen.append(best)
        open_ -= shown.pop(best)
    return chosen
