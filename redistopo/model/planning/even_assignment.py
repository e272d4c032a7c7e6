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
