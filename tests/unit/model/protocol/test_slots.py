"""Slots: split over shards, written as ranges, and found for a key."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.protocol.slots import (
    SLOT_COUNT,
    SlotRange,
    format_ranges,
    key_in,
    ranges,
    slot_of,
    split_slots,
)

# Answers of CLUSTER KEYSLOT by Redis 7.0.15.
KEYSLOTS = [
    ("", 0),
    ("a", 15495),
    ("foo", 12182),
    ("123456789", 12739),
    ("user:1000", 1649),
    ("a b", 9817),
    ("\n", 8522),
    ("\x00", 0),
    ("a" * 300, 14126),
    ("été", 10087),
    ("日本", 10949),
    ("😀", 2959),
    # hash tags: only what is between the first { and the next } counts ...
    ("{user1000}.following", 3443),
    ("{user1000}.followers", 3443),
    ("{a}b", 15495),
    ("}{a}", 15495),
    ("x{ }y", 9314),
    ("{été}", 10087),
    ("key{日本}x", 10949),
    ("foo{bar}{zap}", 5061),
    ("foo{{bar}}zap", 4015),
    ("{{}}", 4092),
    ("{{}", 4092),
    ("foo}bar{baz}", 4813),
    # ... and the whole key does where that is empty, or has no end
    ("{}", 15257),
    ("{}foo", 9500),
    ("foo{}{bar}", 8363),
    ("foo{", 7673),
    ("foo}", 15679),
    ("foo{bar", 15278),
    ("}{", 12793),
]

# The cuts of redis-cli --cluster create, which rounds the running sum.
REDIS_CLI = [
    (1, "0-16383"),
    (2, "0-8191,8192-16383"),
    (3, "0-5460,5461-10922,10923-16383"),
    (4, "0-4095,4096-8191,8192-12287,12288-16383"),
    (5, "0-3276,3277-6553,6554-9829,9830-13106,13107-16383"),
]

slots = st.integers(0, SLOT_COUNT - 1)


@pytest.mark.parametrize(("key", "slot"), KEYSLOTS, ids=[repr(key)[:20] for key, _ in KEYSLOTS])
def test_a_key_has_the_slot_that_redis_names(key: str, slot: int) -> None:
    assert slot_of(key) == slot


@given(st.text())
def test_every_key_has_a_slot(key: str) -> None:
    assert 0 <= slot_of(key) < SLOT_COUNT


@given(st.text(alphabet=st.characters(exclude_characters="{}"), min_size=1), st.text())
def test_keys_with_one_tag_share_a_slot(tag: str, rest: str) -> None:
    assert slot_of(f"{{{tag}}}{rest}") == slot_of(tag)


@given(st.integers(1, 1000))
def test_shards_cover_every_slot_once_and_in_order(shards: int) -> None:
    assert [slot for one in split_slots(shards) for slot in range(one.first, one.last + 1)] == list(
        range(SLOT_COUNT)
    )


@given(st.integers(1, 1000))
def test_shards_are_as_many_as_asked_for(shards: int) -> None:
    assert len(split_slots(shards)) == shards


@given(st.integers(1, SLOT_COUNT))
def test_shards_differ_in_size_by_one_at_most(shards: int) -> None:
    sizes = {len(one) for one in split_slots(shards)}
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("shards", "cuts"), REDIS_CLI)
def test_shards_are_cut_where_redis_cli_cuts(shards: int, cuts: str) -> None:
    assert format_ranges(split_slots(shards)) == cuts


@pytest.mark.parametrize("shards", [-1, 0, SLOT_COUNT + 1])
def test_a_number_of_shards_that_no_cluster_has_is_refused(shards: int) -> None:
    with pytest.raises(ValueError, match=str(shards)):
        split_slots(shards)


@given(st.sets(slots, max_size=200))
def test_ranges_hold_exactly_the_slots_given(given_slots: set[int]) -> None:
    found = ranges(given_slots)
    assert {slot for one in found for slot in range(one.first, one.last + 1)} == given_slots


@given(st.sets(slots, max_size=200))
def test_no_two_ranges_could_be_one(given_slots: set[int]) -> None:
    found = ranges(given_slots)
    assert all(left.last + 1 < right.first for left, right in pairwise(found))


def test_ranges_take_slots_in_any_order_and_more_than_once() -> None:
    assert format_ranges(ranges([5, 3, 4, 9, 3])) == "3-5,9"


def test_a_range_knows_its_size_and_its_slots() -> None:
    one = SlotRange(3, 5)
    assert (len(one), 3 in one, 5 in one, 2 in one, 6 in one) == (3, True, True, False, False)


@given(st.lists(st.tuples(slots, slots), min_size=1, max_size=4))
def test_a_key_for_ranges_lies_in_one_of_them(pairs: list[tuple[int, int]]) -> None:
    owned = [SlotRange(min(pair), max(pair)) for pair in pairs]
    assert any(slot_of(key_in(owned, "proof:")) in one for one in owned)


def test_a_key_for_ranges_bears_the_prefix() -> None:
    assert key_in([SlotRange(0, 5460)], "redistopo:verify:").startswith("redistopo:verify:")


@pytest.mark.parametrize("slot", [0, 8191, SLOT_COUNT - 1])
def test_even_a_single_slot_has_a_key(slot: int) -> None:
    assert slot_of(key_in([SlotRange(slot, slot)], "p")) == slot


def test_no_key_lives_in_no_slots() -> None:
    with pytest.raises(ValueError, match="no slots"):
        key_in([], "p")
