"""What a cache counts; without it nobody knows whether it is worth its trouble."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Since the start; every request is one of the first four."""

    hits: int = 0
    """Answered from the cache, also that there is no such row."""

    misses: int = 0
    """The cache was asked and didn't have it."""

    degraded: int = 0
    """The cache was not asked, or didn't answer."""

    errors: int = 0
    """Ended with the database's error."""

    negative: int = 0
    """Answers that there is no such row, wherever they came from."""

    loads: int = 0
    """Times that the database was asked."""

    waited: int = 0
    """Requests that got what another one loaded, in this process or another."""

    @property
    def requests(self) -> int:
        return self.hits + self.misses + self.degraded + self.errors

    @property
    def hit_rate(self) -> float | None:
        """0 to 1; None before the first request."""
        return self.hits / self.requests if self.requests else None


class Stats:
    """Counters that many threads may count up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(Counts.__slots__, 0)

    def count(self, *names: str) -> None:
        """One more of each; the names are fields of `Counts`."""
        with self._lock:
            for name in names:
                self._counts[name] += 1

    def counts(self) -> Counts:
        """All of them at one moment."""
        with self._lock:
            return Counts(**self._counts)
