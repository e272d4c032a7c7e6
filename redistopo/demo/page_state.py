"""What the page shows: the message `state`, made from what is known at that moment."""

from dataclasses import asdict

from redistopo.cache_aside import CacheAside
from redistopo.client.poller import now_iso
from redistopo.demo.backend import Backend
from redistopo.demo.latencies import Latencies
from redistopo.demo.traffic import Traffic


class State:
    """Asks nobody: all of it is counted, or was seen, already."""

    def __init__(
        self, live: Backend, cache: CacheAside, latencies: Latencies, delay: float
    ) -> None:
        self._live = live
        self._cache = cache
        self._latencies = latencies
        self._delay = delay
        self.traffic: Traffic | None = None
        """The load generator, once there is one."""

    def message(self) -> dict[str, object]:
        """What the page reads; times in seconds, but latencies in milliseconds."""
        latency, hit_rate = self._latencies.summary()
        counts = self._cache.stats.counts()
        traffic = self.traffic
        return {
            "at": now_iso().isoformat(timespec="milliseconds"),
            "name": self._live.name,
            "shape": self._live.shape,
            "own": self._live.own,
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
            "topology": self._live.view(),
            "actions": list(self._live.actions),
        }
