"""A circuit breaker: keeps requests from waiting for a Redis server that does not reply.

A frozen server or an unreachable host never replies: each request would wait for its whole
timeout before it turns to the database, and soon every thread of the application would wait. So
after a few failures in a row no request calls Redis, except for one at intervals that tries again.
"""

import threading
import time
from collections.abc import Callable
from enum import StrEnum


class State(StrEnum):
    """Closed: every request calls Redis. Open: no request does. Half-open: one request tries."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Circuit:
    """Opens after `failures` in a row, then lets one request try every `seconds`.

    A caller that `allows()` let through reports `succeeded()` or `failed(reason)` afterwards.
    `clock` is monotonic: a wall clock that is set back would keep the circuit open for hours.
    """

    def __init__(
        self, failures: int = 3, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_failures = failures
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._closed = True
        self._trying = False
        self._failed = 0
        self._next_try = 0.0
        self.reason = ""
        """The last failure; "" after a success."""

    @property
    def state(self) -> State:
        """The current state."""
        if self._closed:
            return State.CLOSED
        return State.HALF_OPEN if self._trying else State.OPEN

    def allows(self) -> bool:
        """Return whether this request may call Redis; while open, one request at intervals may."""
        if self._closed:  # the common case, without a lock
            return True
        with self._lock:
            if not self._closed:
                if self._clock() < self._next_try:
                    return False
                # a try that never reports its result must not block the others for ever:
                # the next one may start after the same interval
                self._trying = True
                self._next_try = self._clock() + self._seconds
            return True

    def succeeded(self) -> None:
        """Close the circuit: a call got its reply, whichever request made it."""
        if self._failed == 0:  # the common case, without a lock
            return
        with self._lock:
            self._closed, self._trying = True, False
            self._failed = 0
            self.reason = ""

    def failed(self, reason: str) -> None:
        """Count a failed call, and open the circuit if it was the last allowed one or the try."""
        with self._lock:
            self._failed += 1
            self.reason = reason
            if self._trying or self._failed == self._max_failures:
                self._closed, self._trying = False, False
                self._next_try = self._clock() + self._seconds
