"""Counters of a cache: how many requests it served, and at what cost."""

import threading
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Totals since the start; every request is counted as one of the first four."""

    hits: int = 0
    """Served from the cache, including "no such row"."""

    misses: int = 0
    """Not found in the cache."""

    degraded: int = 0
    """The cache was not called, or did not reply."""

    errors: int = 0
    """Ended with the database's error."""

    negative: int = 0
    """Results that there is no such row, from either source."""

    loads: int = 0
    """Loads from the database."""

    waited: int = 0
    """Requests that got what another request loaded, in this process or another."""

    @property
    def requests(self) -> int:
        """The number of requests."""
        return self.hits + self.misses + self.degraded + self.errors

    @property
    def hit_rate(self) -> float | None:
        """The share of hits, 0 to 1; None before the first request."""
        return self.hits / self.requests if self.requests else None


class Stats:
    """Thread-safe counters."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = {one.name: 0 for one in fields(Counts)}

    def count(self, *names: str) -> None:
        """Add one to each of these fields of `Counts`."""
        with self._lock:
            for name in names:
                self._counts[name] += 1

    def counts(self) -> Counts:
        """Return all counters, read at one moment."""
        with self._lock:
            return Counts(**self._counts)
