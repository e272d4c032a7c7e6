"""Latencies of the last seconds, and the share of responses from the cache."""

import threading
import time
from collections import deque

from redistopo.model.percentile import percentile

WINDOW = 10.0
"""Seconds."""

_KEPT = 8192


class Latencies:
    """Milliseconds of the hits and misses within `WINDOW`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, deque[tuple[float, float]]] = {
            kind: deque(maxlen=_KEPT) for kind in ("hit", "miss")
        }

    def add(self, *, hit: bool, milliseconds: float) -> None:
        """Add one response."""
        with self._lock:
            self._kept["hit" if hit else "miss"].append((time.monotonic(), milliseconds))

    def summary(self) -> tuple[dict[str, dict[str, float | None]], float | None]:
        """Return the 50th and 95th percentile and the count of hits and of misses, and the share
        of hits. None if there are none."""
        since = time.monotonic() - WINDOW
        with self._lock:
            values = {kind: self._recent(kept, since) for kind, kept in self._kept.items()}
        every = sum(map(len, values.values()))
        summaries = {kind: _percentiles(sorted(found)) for kind, found in values.items()}
        return summaries, round(len(values["hit"]) / every, 4) if every else None

    @staticmethod
    def _recent(kept: deque[tuple[float, float]], since: float) -> list[float]:
        while kept and kept[0][0] < since:
            kept.popleft()
        return [milliseconds for _at, milliseconds in kept]


def _percentiles(ordered: list[float]) -> dict[str, float | None]:
    if not ordered:
        return {"p50": None, "p95": None, "count": 0}
    return {
        "p50": round(percentile(ordered, 50), 3),
        "p95": round(percentile(ordered, 95), 3),
        "count": len(ordered),
    }
