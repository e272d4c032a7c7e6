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
        self._closed = True
        self._trying = False
        self._failed = 0
        self._next_try = 0.0
        self.reason = ""
        """What failed last; "" after a success."""

    @property
    def state(self) -> State:
        if self._closed:
            return State.CLOSED
        return State.HALF_OPEN if self._trying else State.OPEN

    def allows(self) -> bool:
        """Whether this request may ask; while it isn't closed, one may now and then."""
        if self._closed:  # the usual way, without a lock
            return True
        with self._lock:
            if not self._closed:
                if self._clock() < self._next_try:
                    return False
                # one that never tells how it went mustn't keep the others out for ever:
                # the next may try after the same time
                self._trying = True
                self._next_try = self._clock() + self._seconds
            return True

    def succeeded(self) -> None:
        """It answered, whoever it was that asked: all may ask again."""
        if self._failed == 0:  # the usual way, without a lock
            return
        with self._lock:
            self._closed, self._trying = True, False
            self._failed = 0
            self.reason = ""

    def failed(self, reason: str) -> None:
        """It didn't answer: one more in a row, or the try that failed."""
        with self._lock:
            self._failed += 1
            self.reason = reason
            if self._trying or self._failed == self._most:
                self._closed, self._trying = False, False
                self._next_try = self._clock() + self._seconds
