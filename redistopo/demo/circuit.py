"""A circuit breaker: what a cache that hangs must not do to the requests that come after.

A server that is frozen, or a host that is gone, answers nobody: each request would wait for its
whole timeout before it turns to the database, and soon every thread of the application waits.
So after a few failures in a row nobody asks any more; now and then one request tries again.
"""

import threading
import time
from collections.abc import Callable
from enum import StrEnum


class State(StrEnum):
    """Closed: all is well, everybody asks. Open: nobody does. Half-open: one request tries."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Circuit:
    """Opens after `failures` in a row; `seconds` later, and from then on so often, one may try.

    Whoever asks `allows()` and is let in says afterwards `succeeded()` or `failed(why)`. `clock`
    is monotonic: a wall clock that is set back would keep the circuit open for hours.
    """

    def __init__(
        self, failures: int = 3, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = failures
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._state = State.CLOSED
        self._failed = 0
        self._next_try = 0.0
        self.reason = ""
        """Why it opened, or what failed last; "" after a success."""

    @property
    def state(self) -> State:
        return self._state

    def allows(self) -> bool:
        """Whether this request may ask; while the circuit is half-open, one may."""
        if self.state is State.CLOSED:  # the usual way, without a lock
            return True
        with self._lock:
            if self._state is State.CLOSED:
                return True
            if self._clock() < self._next_try:
                return False
            # one that never tells how it went must not keep the others out for ever:
            # the next may try after the same time
            self._state = State.HALF_OPEN
            self._next_try = self._clock() + self._seconds
            return True

    def succeeded(self) -> None:
        """It answered, so all may ask again; whoever it was that asked."""
        if self._failed == 0:  # the usual way, without a lock
            return
        with self._lock:
            self._state = State.CLOSED
            self._failed = 0
            self.reason = ""

    def failed(self, reason: str) -> None:
        """It didn't answer; that is one more in a row, or the try that failed."""
        with self._lock:
            self._failed += 1
            self.reason = reason
            if self._state is State.HALF_OPEN or self._failed == self._most:
                self._state = State.OPEN
                self._next_try = self._clock() + self._seconds
