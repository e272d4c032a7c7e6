"""Generates requests at a steady rate, some items far more often than others."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate
from math import inf

from redistopo.demo.input_limits import MAX_RATE

_THREADS = 16
"""A slow response blocks one of them."""

_LATE = 0.5
"""Seconds; a request overdue for longer is skipped, so that no burst follows an outage."""

_COUNTED = 5.0
_LAST_SECONDS = 2.0


class RequestGenerator:
    """Calls `request` with one of `ids`, `rate` times a second; 0 at the start."""

    def __init__(self, request: Callable[[str], object], ids: Sequence[str]) -> None:
        self._request = request
        self._ids = tuple(ids)
        # the nth item is requested 1/n as often as the first (Zipf's law)
        self._weights = tuple(accumulate(1 / n for n in range(1, len(self._ids) + 1)))
        self._choice = random.Random()  # noqa: S311  no secret depends on which item is asked for
        self._wake = threading.Condition()
        self._rate = 0.0
        self._asked = 0
        self._since = 0.0
        self._due = 0.0
        self._left_out = -inf
        self._ended = False
        self._done: deque[float] = deque(maxlen=int(MAX_RATE * _COUNTED) + 1)
        self._threads: list[threading.Thread] = []

    @property
    def rate(self) -> float:
        """The requested rate per second."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        with self._wake:
            self._rate = max(0.0, min(float(rate), MAX_RATE)) if self._ids else 0.0
            self._asked += 1
            self._due = self._since = time.monotonic()
            self._left_out = -inf
            self._done.clear()
            if self._rate and not self._threads:
                self._threads = [
                    threading.Thread(target=self._work, name=f"demo-load-{n}", daemon=True)
                    for n in range(_THREADS)
                ]
                for thread in self._threads:
                    thread.start()
            self._wake.notify_all()

    @property
    def done(self) -> float:
        """The actual rate per second, over the last seconds."""
        now = time.monotonic()
        with self._wake:
            while self._done and self._done[0] < now - _COUNTED:
                self._done.popleft()
            # right after a change there is too little data for a rate
            return round(len(self._done) / max(1.0, min(_COUNTED, now - self._since)), 1)

    @property
    def behind(self) -> bool:
        """Whether requests were skipped in the last seconds: responses are too slow for that rate,
        and all threads wait for them."""
        now = time.monotonic()
        with self._wake:
            late = self._due < now - _LATE or self._left_out > now - _COUNTED
            return late and self._rate > 0

    def close(self) -> None:
        """Start no more requests; give those in progress a moment to end."""
        with self._wake:
            self._ended = True
            self._asked += 1
            self._wake.notify_all()
        end = time.monotonic() + _LAST_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        while self._turn():
            self._request(self._choice.choices(self._ids, cum_weights=self._weights)[0])
            with self._wake:
                self._done.append(time.monotonic())

    def _turn(self) -> bool:
        """Wait for this thread's turn to send a request; return False at the end."""
        with self._wake:
            while not self._ended:
                if not self._rate:
                    self._wake.wait()
                    continue
                # each thread has its own time slot: one wakes up for it, not all of them
                now, asked = time.monotonic(), self._asked
                mine = max(self._due, now - _LATE)
                if mine > self._due:
                    self._left_out = now
                self._due = mine + 1 / self._rate
                while asked == self._asked and (left := mine - time.monotonic()) > 0:
                    self._wake.wait(left)
                if asked == self._asked:
                    return True
        return False
