"""Single-flight: who joins, who flies, and what becomes of an error."""

import threading

import pytest
from support.caches import at_once, beside
from support.waiting import until

from redistopo.cache_aside.single_flight import SingleFlight


class Slow:
    """Flies until it is let go, and counts its flights."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.flights = 0
        self.go = threading.Event()
        self._error = error

    def __call__(self) -> int:
        self.flights += 1
        flight = self.flights
        assert self.go.wait(20)
        if self._error:
            raise self._error
        return flight


def test_all_who_come_meanwhile_join_and_the_next_flies_anew() -> None:
    flights: SingleFlight[int] = SingleFlight()
    slow = Slow()
    first = beside(lambda: flights.join(b"a", slow))
    until(lambda: slow.flights)
    others = beside(lambda: at_once(50, lambda _: flights.join(b"a", slow)))
    assert flights.join(b"b", lambda: 7) == (7, False)  # another key waits for nobody
    slow.go.set()
    assert first() == (1, False)
    came = others()
    assert slow.flights == 1 + sum(not joined for _, joined in came)  # who came too late flew
    assert flights.join(b"a", slow)[1] is False


def test_an_error_is_everybodys_and_is_not_kept() -> None:
    flights: SingleFlight[int] = SingleFlight()
    slow = Slow(LookupError("gone"))
    first = beside(lambda: at_once(1, lambda _: flights.join(b"a", slow)))
    until(lambda: slow.flights)
    other = beside(lambda: at_once(1, lambda _: flights.join(b"a", lambda: 9)))
    slow.go.set()
    assert isinstance(first()[0], LookupError)
    assert isinstance(other()[0], LookupError) or other()[0] == (9, False)
    assert flights.join(b"a", lambda: 8) == (8, False)


def test_even_an_interrupt_leaves_nobody_waiting() -> None:
    flights: SingleFlight[int] = SingleFlight()

    def interrupted() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        flights.join(b"a", interrupted)
    assert flights.join(b"a", lambda: 8) == (8, False)


@pytest.mark.parametrize("every", [False, True])
def test_a_flight_that_is_forgotten_is_not_joined_and_harms_none_after_it(every: bool) -> None:
    flights: SingleFlight[int] = SingleFlight()
    old, new = Slow(), Slow()
    first = beside(lambda: flights.join(b"a", old))
    until(lambda: old.flights)
    if every:
        flights.forget_all()
    else:
        flights.forget(b"a")
    second = beside(lambda: flights.join(b"a", new))
    until(lambda: new.flights)
    old.go.set()
    assert first() == (1, False)
    third = beside(lambda: flights.join(b"a", new))  # the second is still the one to join
    new.go.set()
    assert second() == (1, False)
    assert third()[0] in (1, 2)
