"""The circuit breaker, told by a clock that the test turns."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.cache_aside.circuit_breaker import Circuit, State


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    return Circuit(3, 1.0, clock)


def _open(circuit: Circuit) -> None:
    for _ in range(3):
        assert circuit.allows()
        circuit.failed("it hangs")


def test_it_opens_after_failures_in_a_row_and_tells_the_last_reason(circuit: Circuit) -> None:
    circuit.failed("one")
    circuit.failed("two")
    circuit.succeeded()
    circuit.failed("one")
    circuit.failed("two")
    assert circuit.state is State.CLOSED
    assert circuit.allows()
    circuit.failed("three")
    assert circuit.state is State.OPEN
    assert not circuit.allows()
    assert circuit.reason == "three"


def test_after_a_while_one_may_try_and_its_success_closes_it(
    circuit: Circuit, clock: Clock
) -> None:
    _open(circuit)
    clock.now = 0.99
    assert not circuit.allows()
    clock.now = 1.0
    assert circuit.allows()
    assert circuit.state is State.HALF_OPEN
    assert not circuit.allows()
    circuit.succeeded()
    assert circuit.state is State.CLOSED
    assert circuit.allows()
    assert circuit.reason == ""
    _open(circuit)  # again it takes three


def test_a_try_that_fails_opens_it_for_another_while(circuit: Circuit, clock: Clock) -> None:
    _open(circuit)
    clock.now = 5.0
    assert circuit.allows()
    clock.now = 5.3
    circuit.failed("it still hangs")
    assert circuit.state is State.OPEN
    clock.now = 6.2
    assert not circuit.allows()
    clock.now = 6.3
    assert circuit.allows()


def test_a_try_that_never_tells_keeps_nobody_out_for_ever(circuit: Circuit, clock: Clock) -> None:
    _open(circuit)
    clock.now = 1.0
    assert circuit.allows()
    clock.now = 1.9
    assert not circuit.allows()
    clock.now = 2.0
    assert circuit.allows()


def test_late_failures_of_those_let_in_before_do_not_keep_it_open_longer(
    circuit: Circuit, clock: Clock
) -> None:
    _open(circuit)
    clock.now = 0.9
    circuit.failed("one that had hung all the time")
    clock.now = 1.0
    assert circuit.allows()


@given(st.lists(st.tuples(st.sampled_from(["ask", "well", "bad", "wait"]), st.floats(0, 2))))
def test_whatever_happens_somebody_may_ask_again_within_its_time(
    story: list[tuple[str, float]],
) -> None:
    clock = Clock()
    circuit = Circuit(2, 1.0, clock)
    for what, seconds in story:
        match what:
            case "ask":
                circuit.allows()
            case "well":
                circuit.succeeded()
                assert circuit.state is State.CLOSED
            case "bad":
                circuit.failed("bad")
            case _:
                clock.now += seconds
    clock.now += 1.0
    assert circuit.allows()
