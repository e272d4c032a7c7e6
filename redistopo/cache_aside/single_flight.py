"""Single-flight: what many requests for one thing at one moment must not do to the database.

When a row that everybody wants expires, a hundred requests miss it in the same millisecond. The
first of them flies; the others wait for it, and get what it brings: the row, or its error.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Brought = TypeVar("Brought")


class SingleFlight(Generic[Brought]):
    """At most one flight for a key at a time, among the threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[bytes, Future[Brought]] = {}

    def join(self, key: bytes, fly: Callable[[], Brought]) -> tuple[Brought, bool]:
        """What `fly()` brought, and whether it was somebody else's; its error is everybody's.

        `fly` must not join a flight for the same key: it would wait for itself.
        """
        with self._lock:
            flight = self._flights.get(key)
            mine = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if not mine:
            return flight.result(), True
        try:
            brought = fly()
        except BaseException as error:  # whatever it is, the others must not wait for ever
            self._land(key, flight)
            flight.set_exception(error)
            raise
        self._land(key, flight)
        flight.set_result(brought)
        return brought, False

    def forget(self, key: bytes) -> None:
        """Who comes from now on doesn't join the flight under way, for it may bring the old row.

        Without this, a request that begins after a write has ended could still get what a slow
        load had read before it.
        """
        with self._lock:
            self._flights.pop(key, None)

    def forget_all(self) -> None:
        with self._lock:
            self._flights.clear()

    def _land(self, key: bytes, flight: "Future[Brought]") -> None:
        with self._lock:
            if self._flights.get(key) is flight:  # else it was forgotten, and another one flies
                del self._flights[key]
