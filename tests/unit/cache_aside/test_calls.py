"""Which circuit a call counts for: told by commands that answer or fail as the test says."""

import pytest
from redis.exceptions import ConnectionError as Lost

from redistopo.cache_aside.calls import CacheAway, Calls, Circuits, circuits_of
from redistopo.cache_aside.circuit_breaker import Circuit, State

CLOSED, OPEN = State.CLOSED, State.OPEN
DOWN = ["bad"] * 3


def _say(what: str) -> str:
    if what == "bad":
        raise Lost("gone")
    return what


def _tell(calls: Calls, said: list[str], key: bytes = b"1:x") -> list[str]:
    """What each call got; the reason where it failed."""
    got = []
    for what in said:
        try:
            got.append(calls.ask(key, _say, what))
        except CacheAway as away:
            got.append(str(away))
    return got


def _calls(done: str) -> Calls:
    return Calls(lambda key: key.partition(":")[0], Circuit, done)


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
    both = _calls("read from"), _calls("written to")
    for number in range(5):  # in turns, so that a shared count would be set back each time
        for calls, said in zip(both, (reads, writes), strict=True):
            _tell(calls, said[number : number + 1])
    expected = {"1": Circuits(reads=states[0], writes=states[1])} if states else {}
    assert circuits_of(*both) == expected


def test_one_for_both_says_the_same_of_both() -> None:
    calls = _calls("asked")
    _tell(calls, ["bad", "well", "bad", "bad"])
    assert circuits_of(calls, calls) == {"1": Circuits(reads=CLOSED, writes=CLOSED)}
    _tell(calls, ["bad"])
    assert circuits_of(calls, calls) == {"1": Circuits(reads=OPEN, writes=OPEN)}


@pytest.mark.parametrize("done", ["asked", "read from", "written to"])
def test_a_call_that_is_not_made_says_which_kind_and_why(done: str) -> None:
    calls = _calls(done)
    assert _tell(calls, [*DOWN, "well"]) == [
        *["ConnectionError: gone"] * 3,
        f"Redis isn't {done} for a moment, after ConnectionError: gone",
    ]
    assert _tell(calls, ["well"], b"2:x") == ["well"]  # another shard's circuit
