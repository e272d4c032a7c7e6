"""A load generator: requests at a steady pace, some items wanted far more often than others."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate
from math import inf

from redistopo.demo.bounds import MOST_RATE

_THREADS = 16
"""A slow answer holds up one of them."""

_LATE = 0.5
"""Seconds; what is due longer than that is left out, so that no burst follows an outage."""

_COUNTED = 5.0
_LAST_SECONDS = 2.0


class Traffic:
    """Calls `request` with one of `ids`, `rate` times a second; 0 at the start."""

    def __init__(self, request: Callable[[str], object], ids: Sequence[str]) -> None:
        self._request = request
        self._ids = tuple(ids)
        # the nth item is wanted 1/n as often as the first (Zipf's law)
        self._weights = tuple(accumulate(1 / n for n in range(1, len(self._ids) + 1)))
        self._choice = random.Random()  # noqa: S311  no secret depends on which item is asked for
        self._wake = threading.Condition()
        self._rate = 0.0
        self._asked = 0
        self._since = 0.0
        self._due = 0.0
        self._left_out = -inf
        self._ended = False
        self._done: deque[float] = deque(maxlen=int(MOST_RATE * _COUNTED) + 1)
        self._threads: list[threading.Thread] = []

    @property
    def rate(self) -> float:
        """Requests a second, as asked for."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        with self._wake:
            self._rate = max(0.0, min(float(rate), MOST_RATE)) if self._ids else 0.0
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
        """Requests a second that were answered in the last seconds."""
        now = time.monotonic()
        with self._wake:
            while self._done and self._done[0] < now - _COUNTED:
                self._done.popleft()
            # right after a change there is too little to tell a rate from
            return round(len(self._done) / max(1.0, min(_COUNTED, now - self._since)), 1)

    @property
    def behind(self) -> bool:
        """Whether some of the last seconds' requests are left out: answers are too slow for
        that rate, and all threads wait for them."""
        now = time.monotonic()
        with self._wake:
            late = self._due < now - _LATE or self._left_out > now - _COUNTED
            return late and self._rate > 0

    def close(self) -> None:
        """No request is begun any more; those under way get a moment to end."""
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
        """Waits until this thread is to ask for something; False at the end."""
        with self._wake:
            while not self._ended:
                if not self._rate:
                    self._wake.wait()
                    continue
                # each takes a moment of its own: one wakes up for it, not all of them
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
