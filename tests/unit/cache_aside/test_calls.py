"""Which circuit a call counts for: told by commands that answer or fail as the test says."""

import pytest
from redis.exceptions import ConnectionError as Lost

from redistopo.cache_aside.circuit_breaker import Circuit, State
from redistopo.cache_aside.guarded_calls import (
    CacheAway,
    Circuits,
    GuardedCalls,
    circuits_by_shard,
)

CLOSED, OPEN = State.CLOSED, State.OPEN
DOWN = ["bad"] * 3


def _say(what: str) -> str:
    if what == "bad":
        raise Lost("gone")
    return what


def _tell(calls: GuardedCalls, said: list[str], key: bytes = b"1:x") -> list[str]:
    """What each call got; the reason where it failed."""
    got = []
    for what in said:
        try:
            got.append(calls.call(key, _say, what))
        except CacheAway as away:
            got.append(str(away))
    return got


def _calls(kind: str) -> GuardedCalls:
    return GuardedCalls(lambda key: key.partition(":")[0], Circuit, kind)


@pytest.mark.parametrize(
    ("reads", "writes", "states"),
    [
        ([], [], None),
        (["well"], [], (CLOSED, CLOSED)),
        (["well"] * 5, DOWN, (CLOSED, OPEN)),
        (DOWN, ["well"], (OPEN, CLOSED)),
        (DOWN, DOWN, (OPEN, OPEN)),
        ([], DOWN, (CLOSED, OPEN)),
        (DOWN, [], (OPEN, CLOSED)),
    ],
)
def test_reads_and_writes_count_for_themselves(
    reads: list[str], writes: list[str], states: tuple[State, State] | None
) -> None:
    both = _calls("reads"), _calls("writes")
    for number in range(5):  # in turns, so that a shared count would be set back each time
        for calls, said in zip(both, (reads, writes), strict=True):
            _tell(calls, said[number : number + 1])
    expected = {"1": Circuits(reads=states[0], writes=states[1])} if states else {}
    assert circuits_by_shard(*both) == expected


def test_one_for_both_says_the_same_of_both() -> None:
    calls = _calls("all calls")
    _tell(calls, ["bad", "well", "bad", "bad"])
    assert circuits_by_shard(calls, calls) == {"1": Circuits(reads=CLOSED, writes=CLOSED)}
    _tell(calls, ["bad"])
    assert circuits_by_shard(calls, calls) == {"1": Circuits(reads=OPEN, writes=OPEN)}


@pytest.mark.parametrize("kind", ["all calls", "reads", "writes"])
def test_a_call_that_is_not_made_says_which_kind_and_why(kind: str) -> None:
    calls = _calls(kind)
    assert _tell(calls, [*DOWN, "well"]) == [
        *["ConnectionError: gone"] * 3,
        f"circuit open for {kind}, last error: ConnectionError: gone",
    ]
    assert _tell(calls, ["well"], b"2:x") == ["well"]  # another shard's circuit
