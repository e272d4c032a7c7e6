"""The message `state`: everything that the page shows, as known at that moment."""

from dataclasses import asdict
from datetime import UTC, datetime

from redistopo.cache_aside import CacheAside
from redistopo.demo.backend import Backend
from redistopo.demo.latencies import Latencies
from redistopo.demo.request_generator import RequestGenerator


class PageState:
    """Builds the message from counters and the last poll; it calls no server."""

    def __init__(
        self, backend: Backend, cache: CacheAside, latencies: Latencies, delay: float
    ) -> None:
        self._backend = backend
        self._cache = cache
        self._latencies = latencies
        self._delay = delay
        self.traffic: RequestGenerator | None = None
        """The request generator, once it is created."""

    def message(self) -> dict[str, object]:
        """Return what the page reads; times in seconds, but latencies in milliseconds."""
        latency, hit_rate = self._latencies.summary()
        counts = self._cache.stats.counts()
        traffic = self.traffic
        return {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "name": self._backend.name,
            "shape": self._backend.shape,
            "own": self._backend.own,
            "ttl": self._cache.ttl_seconds,
            "db_delay": self._delay,
            "stats": {"requests": counts.requests, **asdict(counts), "hit_rate": hit_rate},
            "latency": latency,
            "load": {
                "rate": traffic.rate if traffic else 0.0,
                "done": traffic.done if traffic else 0.0,
                "behind": traffic.behind if traffic else False,
            },
            "circuits": [
                {"shard": shard, "reads": str(both.reads), "writes": str(both.writes)}
                for shard, both in self._cache.circuits().items()
            ],
            "topology": self._backend.view().message(self._backend.trouble),
            "actions": list(self._backend.actions),
        }
