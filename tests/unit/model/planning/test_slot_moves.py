"""Which slots move: a table, and properties of every division."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.forms import examples

from redistopo.errors import UsageError
from redistopo.model.planning.slot_moves import (
    EVERY_SLOT_ALIKE,
    Owners,
    balance,
    moves_back,
    moves_between,
    moves_to,
    side_by_side,
    slots_of,
    with_floor,
)
from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange, format_ranges, ranges, split_slots
from redistopo.model.state.job import SlotMove


def _even(shards: int, empty: int = 0) -> dict[str, tuple[SlotRange, ...]]:
    full = {f"node{n}": (one,) for n, one in enumerate(split_slots(shards), 1)}
    return full | {f"node{shards + n}": () for n in range(1, empty + 1)}


def _told(moves: tuple[SlotMove, ...]) -> list[str]:
    return [f"{one.source}>{one.target} {format_ranges(one.slots)}" for one in moves]


def _after(owners: Owners, moves: tuple[SlotMove, ...]) -> dict[str, set[int]]:
    found = {name: set(slots_of(owned)) for name, owned in owners.items()}
    for one in moves:
        moved = set(slots_of(one.slots))
        assert moved <= found[one.source]
        found[one.source] -= moved
        found[one.target] |= moved
    return found


def test_a_fourth_shard_gets_one_range_of_each_other_joined_where_they_meet() -> None:
    moves = balance(_even(3, empty=1), {})
    assert _told(moves) == [
        "node2>node4 9557-10922", "node1>node4 4096-5460", "node3>node4 10923-12287",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("owners", "weights", "sizes"),
    [
        (_even(3), {}, [5461, 5462, 5461]),
        (_even(4), {"node4": 0}, [5461, 5461, 5462]),
        (_even(2, empty=2), {}, [4096] * 4),
        (_even(2), {"node1": 3}, [12288, 4096]),
        (_even(1, empty=1), {}, [8192, 8192]),
        (_even(2, empty=1), {"node3": 0}, [8192, 8192]),
    ],
)
def test_sizes_follow_the_weights(
    owners: Owners, weights: dict[str, float], sizes: list[int]
) -> None:
    found = [len(one) for one in _after(owners, balance(owners, weights)).values()]
    assert sorted(filter(None, found)) == sorted(sizes)


def test_one_heavy_slot_moves_no_other_than_it_must() -> None:
    costs = [0.0] * SLOT_COUNT
    costs[0], costs[1], costs[16383] = 1000, 1000, 1000
    owners = _even(2)
    after = _after(owners, balance(owners, {}, with_floor(costs)))
    assert sum(map(len, after.values())) == SLOT_COUNT
    assert after["node2"] > set(range(8192, SLOT_COUNT))  # light slots make up for it
    assert {0, 1} <= after["node1"]


def test_a_slot_that_its_receiver_would_give_back_stays() -> None:
    """Half a slot is due in the end: node1 gets it, has that much too much, and gives one back."""
    costs = [2.0] * SLOT_COUNT
    costs[0] = costs[-1] = 1.0
    assert _told(balance(_even(2), {"node1": 2}, costs)) == ["node2>node1 8192-10921"]


def test_within_the_threshold_nothing_moves() -> None:
    owners: Owners = {"node1": (SlotRange(0, 8300),), "node2": (SlotRange(8301, 16383),)}
    assert balance(owners, {}, threshold=0.02) == ()
    assert _told(balance(owners, {}, threshold=0.01)) == ["node1>node2 8192-8300"]


@pytest.mark.parametrize("weights", [{"node1": 0, "node2": 0}, {"node1": -1}])
def test_impossible_weights_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        balance(_even(2), weights)


def test_slots_move_from_each_owner_and_only_if_they_have_one() -> None:
    wanted = (SlotRange(8000, 8300), SlotRange(16383, 16383))
    assert _told(moves_to(_even(2), wanted, "node2")) == ["node1>node2 8000-8191"]
    with pytest.raises(UsageError, match="slots 16383 have no owner"):
        moves_to({"node1": (SlotRange(0, 16382),)}, wanted, "node1")


@pytest.mark.parametrize("shards", range(1, 14))
def test_a_shard_that_came_and_went_leaves_every_range_whole(shards: int) -> None:
    before, name = _even(shards, empty=1), f"node{shards + 1}"
    more = _after(before, balance(before, {}, threshold=0.0))
    assert [len(ranges(some)) for one, some in more.items() if one != name] == [1] * shards
    grown = {one: ranges(some) for one, some in more.items()}
    weights = {one: float(len(some)) for one, some in more.items()} | {name: 0.0}
    less = _after(grown, balance(grown, weights, threshold=0.0))
    assert [len(ranges(some)) for some in less.values()] == [1] * shards + [0]
    even = SLOT_COUNT / shards
    assert all(abs(len(less[one]) - even) <= 0.006 * even for one in less if one != name)


@st.composite
def _divisions(draw: st.DrawFn) -> Owners:
    count = draw(st.integers(1, 7))
    cuts = sorted(draw(st.lists(st.integers(0, SLOT_COUNT), max_size=12)))
    found: dict[str, list[SlotRange]] = {f"node{n}": [] for n in range(count)}
    for first, end in zip([0, *cuts], [*cuts, SLOT_COUNT], strict=True):
        if end > first:
            name = f"node{draw(st.integers(0, count - 1))}"
            found[name].append(SlotRange(first, end - 1))
    return {name: tuple(some) for name, some in found.items()}


@settings(max_examples=examples(150), deadline=None)
@given(_divisions(), st.lists(st.sampled_from([0, 0.5, 1, 1, 1, 2]), min_size=7, max_size=7))
def test_a_balance_keeps_every_slot_and_can_be_taken_back(
    owners: Owners, numbers: list[float]
) -> None:
    weights = dict(zip(owners, numbers, strict=False))
    if not sum(weights[name] for name in owners):
        weights = {}
    moves = balance(owners, weights)
    after = _after(owners, moves)
    assert Counter(slot for some in after.values() for slot in some) == Counter(range(SLOT_COUNT))
    unit = SLOT_COUNT / sum(weights.get(name, 1) for name in owners)
    for name, slots in after.items():
        goal = unit * weights.get(name, 1)
        assert abs(len(slots) - goal) <= max(0.02 * goal, len(owners))
    later = {name: tuple(SlotRange(s, s) for s in sorted(some)) for name, some in after.items()}
    assert balance(later, weights, EVERY_SLOT_ALIKE, 0.05) == () or any(
        not some for some in after.values()
    )
    back = _after(later, moves_between(later, owners))
    assert back == {name: set(slots_of(some)) for name, some in owners.items()}


_PARTS = [("a", "x"), ("b", "x"), ("a", "y"), ("c", "y"), ("x", "d")]


@pytest.mark.parametrize(
    ("gathers", "groups"),
    [
        (True, [["ax", "bx", "cy"], ["ay", "xd"]]),
        (False, [["ax", "cy"], ["bx", "ay"], ["xd"]]),
    ],
)
def test_moves_side_by_side_share_at_most_a_target(gathers: bool, groups: list[list[str]]) -> None:
    moves = [SlotMove(source=a, target=b, slots=(SlotRange(0, 1),)) for a, b in _PARTS]
    found = side_by_side(moves, gathers=gathers)
    assert [[one.source + one.target for one in some] for some in found] == groups


@pytest.mark.parametrize(
    ("owners", "primaries", "told"),
    [
        (("a0123", "b45", "c"), "a=a b=b c=c", ["a>b 3", "b>c 4-5"]),
        (("x0123", "b45", "c"), "a=x b=b c=c", ["x>b 3", "b>c 4-5"]),  # a failover
        (("a0123", "b4", "d5"), "a=a b=b", ["a>b 3", "b>d 4"]),  # c was removed, and d is new
        (("a0123", "d", "c45"), "a=a b=a c=c", ["a>d 3"]),  # the node b is in the shard of a
    ],
)
def test_moves_back_to_a_division(owners: tuple[str, ...], primaries: str, told: list[str]) -> None:
    now, before = (
        {one[0]: ranges(map(int, one[1:])) for one in some}
        for some in (owners, ("a012", "b3", "c45"))
    )
    leads = dict(one.split("=") for one in primaries.split())
    assert _told(moves_back(now, before, leads)) == told
