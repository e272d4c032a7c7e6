"""Assigns each item to one of its permitted places, so that places are used evenly; pure."""

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Place = TypeVar("Place", bound=Hashable)


def assign_evenly(choices: Sequence[Sequence[Place]], loads: Mapping[Place, int]) -> list[Place]:
    """Return the place of each item, one of its choices, the first of several that are equal.

    `loads` are what places carry before; the sum of the squares of all loads is the least possible
    (an optimal semi-matching): earlier items make room along the shortest path that ends at the
    place with the least load.
    """
    carried = {place: loads.get(place, 0) for some in choices for place in some}
    at: dict[Place, list[int]] = {place: [] for place in carried}
    found: list[Place | None] = [None] * len(choices)
    for item in range(len(choices)):
        came: dict[Place, tuple[int, Place | None]] = {}
        queue: deque[tuple[int, Place | None]] = deque([(item, None)])
        best: Place | None = None
        floor = min(carried.values())
        while queue:
            mover, origin = queue.popleft()
            for place in choices[mover]:
                if place in came:
                    continue
                came[place] = (mover, origin)
                if best is None or carried[place] < carried[best]:
                    best = place
                queue.extend((other, place) for other in at[place])
            if best is not None and carried[best] == floor:
                break
        if best is None:
            raise ValueError(f"item {item} has no choice")
        carried[best] += 1
        _move_along(best, came, found, at)
    return [one for one in found if one is not None]


def _move_along(
    place: Place,
    came: Mapping[Place, tuple[int, Place | None]],
    found: list[Place | None],
    at: dict[Place, list[int]],
) -> None:
    """Move each item on the path to the place after its own."""
    target: Place | None = place
    while target is not None:
        mover, origin = came[target]
        at[target].append(mover)
        found[mover] = target
        if origin is not None:
            at[origin].remove(mover)
        target = origin


def even_out(choices: Sequence[Sequence[Place]], at: Sequence[Place]) -> list[Place]:
    """Return the place of each item so that places are used as evenly as possible, by moving few
    items from where they are: a place with two more than another gives it one, along the shortest
    path of items that make room for each other."""
    found = list(at)
    while path := _relief(choices, found):
        for item, place in path:
            found[item] = place
    return found


def _relief(choices: Sequence[Sequence[Place]], at: Sequence[Place]) -> list[tuple[int, Place]]:
    """The moves along the shortest path from a place that carries at least two more items than the
    last one; [] for none."""
    loads = {place: 0 for some in choices for place in some} | dict.fromkeys(at, 0)
    for place in at:
        loads[place] += 1
    for source in sorted(loads, key=lambda place: -loads[place]):
        came: dict[Place, list[tuple[int, Place]]] = {source: []}
        queue = deque([source])
        while queue:
            place = queue.popleft()
            if loads[place] <= loads[source] - 2:
                return came[place]
            for item, some in enumerate(choices):
                for other in some if at[item] == place else ():
                    if other not in came:
                        came[other] = [*came[place], (item, other)]
                        queue.append(other)
    return []
