"""Roles are spread again by few planned failovers."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.planning.even_assignment import assign_evenly, even_out
from redistopo.model.planning.spread_roles import role_changes

PLACES = st.lists(
    st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True), min_size=1, max_size=7
)


@given(PLACES, st.randoms())
def test_primaries_end_as_even_as_possible_and_few_move(
    choices: list[list[int]], luck: Any
) -> None:
    current = [luck.choice(some) for some in choices]
    found = even_out(choices, current)
    assert all(one in some for one, some in zip(found, choices, strict=True))

    def squares(places: list[int]) -> list[int]:
        return sorted(Counter(places).values())

    assert squares(found) == squares(assign_evenly(choices, {})) or _cost(found) == _cost(
        assign_evenly(choices, {})
    )
    assert even_out(choices, found) == found
    if _cost(current) == _cost(found):
        assert found == current


def _cost(places: list[int]) -> int:
    return sum(one * one for one in Counter(places).values())


def test_the_planned_primaries_are_promoted_on_one_machine(
    scene: Callable[[str, str], Any],
) -> None:
    healthy = scene("redis-7.0", "cluster").seen
    assert role_changes(healthy, ()) == ()
