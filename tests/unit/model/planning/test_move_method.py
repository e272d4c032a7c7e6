"""How slots are moved: by version, in windows, batches and pipelines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.planning.move_method import (
    BATCH_KEYS,
    MoveMethod,
    batches,
    method_of,
    pipelines,
    split_atomic,
    split_windows,
    windows_of,
)
from redistopo.model.planning.slot_survey import BigKey, SlotSurvey
from redistopo.model.protocol.engine import parse_title


@pytest.mark.parametrize(
    ("title", "method", "connections", "quick"),
    [
        ("Redis 6.2.14", MoveMethod.MIGRATE, 1, True),
        ("Redis 8.4.0", MoveMethod.MIGRATE, 1, True),  # its atomic way has known faults
        ("Redis 8.4.1", MoveMethod.MIGRATION_IMPORT, 1, True),
        ("Valkey 7.2.5", MoveMethod.MIGRATE, 1, False),
        ("Valkey 8.1.8", MoveMethod.MIGRATE, 128, False),
        ("Valkey 9.0.0", MoveMethod.MIGRATE_SLOTS, 128, False),
    ],
)
def test_the_method_follows_the_version(
    title: str, method: MoveMethod, connections: int, quick: bool
) -> None:
    engine = parse_title(title)
    assert engine is not None
    windows = windows_of(engine)
    assert method_of(engine) is method
    assert (windows.connections, windows.quick_close) == (connections, quick)


def test_slots_without_keys_have_windows_of_their_own_and_none_is_lost() -> None:
    engine = parse_title("Redis 7.0.15")
    assert engine is not None
    survey = SlotSurvey(keys=dict.fromkeys(range(0, 100, 3), 5))
    found = list(split_windows(range(600), survey, windows_of(engine)))
    assert sorted(slot for one in found for slot in one) == list(range(600))
    assert {bool(survey.keys.get(one[0])) for one in found} == {True, False}
    for one in found:
        assert len({bool(survey.keys.get(slot)) for slot in one}) == 1
        assert len(one) <= (16 if survey.keys.get(one[0]) else 256)


def test_an_atomic_move_is_bounded_in_bytes() -> None:
    survey = SlotSurvey(bytes=dict.fromkeys(range(10), 100 << 20))
    assert list(split_atomic(range(12), survey)) == [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9, 10, 11)]


@given(
    st.lists(st.binary(min_size=1, max_size=4), unique=True, max_size=600),
    st.floats(0, 1 << 22),
)
def test_every_key_is_in_one_batch_and_a_big_one_alone(keys: list[bytes], mean: float) -> None:
    big = frozenset(keys[::50])
    found = list(batches(keys, big, mean))
    assert sorted(key for one in found for key in one) == sorted(keys)
    sent = list(pipelines(found, big))
    assert [one for some in sent for one in some] == found
    for some in sent:
        count = sum(map(len, some))
        assert count <= BATCH_KEYS
        assert len(some) == 1 or big.isdisjoint(key for one in some for key in one)


def test_the_mean_leaves_big_keys_out() -> None:
    survey = SlotSurvey(
        keys={7: 3}, bytes={7: 10_200}, big=(BigKey(slot=7, key=b"big", bytes=10_000),)
    )
    assert survey.mean(7) == 100
    assert survey.mean(8) == 0
    assert (survey.keys_in([7, 8]), survey.bytes_in([7])) == (3, 10_200)
