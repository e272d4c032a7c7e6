"""Roles are spread again by few planned failovers."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.scenes_on_hosts import HOSTS, on_hosts

from redistopo.model.planning.even_assignment import assign_evenly, even_out
from redistopo.model.planning.spread_roles import role_changes, spread_steps

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


def test_a_host_with_most_primaries_gives_one_to_the_host_without(
    scene: Callable[[str, str], Any],
) -> None:
    uneven = on_hosts(scene("redis-7.0", "cluster"), node1=2, node4=1).seen
    (change,) = role_changes(uneven, HOSTS.machines)
    assert (change.before, change.after) == ("node1", "node4")
    assert (change.before_on, change.after_on) == ("h2", "h1")
    (step,) = spread_steps(HOSTS, uneven)
    assert step.nodes == ("node4",)
    assert step.cause == "h2 has more primaries than h1"
    assert tuple(spread_steps(None, uneven)) == ()
    assert tuple(spread_steps(HOSTS, on_hosts(scene("redis-7.0", "cluster")).seen)) == ()


def test_nothing_is_spread_while_a_node_or_the_replica_is_not_ready(
    scene: Callable[[str, str], Any],
) -> None:
    uneven = on_hosts(scene("redis-7.0", "cluster"), node1=2, node4=1)
    assert tuple(spread_steps(HOSTS, uneven.node("node6", error="gone").seen)) == ()
    late = uneven.info("node4", master_link_status="down").seen
    chain = [(one.before, one.after) for one in role_changes(late, HOSTS.machines)]
    assert chain == [("node2", "node5"), ("node3", "node6")]
