"""What the demo counted, for Prometheus, in a registry of its own: no other program's numbers,
none of the interpreter's."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from redistopo.cache_aside import CacheAside

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS = (
    0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip

_STATES = ("closed", "half-open", "open")

_COUNTED = {
    "requests": "requests for an item",
    "hits": "answers from the cache, also that there is no such item",
    "misses": "requests for what the cache didn't hold",
    "negative": "answers that there is no such item",
    "loads": "reads of the database",
    "waited": "requests that got what another one read from the database",
    "degraded": "requests that did without the cache, because Redis was away",
    "errors": "requests that the database failed",
}


class Metrics:
    """Of a cache, whose counters are asked at each scrape, as is how many `streams` are open."""

    def __init__(self, cache: CacheAside, streams: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Counted(cache, streams))
        self._seconds = Histogram(
            "redistopo_demo_answer_seconds",
            "How long an item took, by where it came from.",
            ("source",),
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def took(self, source: str, seconds: float) -> None:
        """An answer from the cache or the database took so long."""
        self._seconds.labels(source).observe(seconds)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)


class _Counted(Collector):
    def __init__(self, cache: CacheAside, streams: Callable[[], int]) -> None:
        self._cache = cache
        self._streams = streams

    def collect(self) -> Iterable[Metric]:
        counts = self._cache.stats.counts()
        for name, says in _COUNTED.items():
            family = CounterMetricFamily(f"redistopo_cache_{name}", f"Number of {says}.")
            family.add_metric((), getattr(counts, name))
            yield family
        circuit = GaugeMetricFamily(
            "redistopo_cache_circuit",
            "1 for the state of a shard's circuit; one that serves both is told of both.",
            labels=("shard", "calls", "state"),
        )
        for shard, both in self._cache.circuits().items():
            for calls, now in (("reads", both.reads), ("writes", both.writes)):
                for state in _STATES:
                    circuit.add_metric((shard, calls, state), float(state == now))
        yield circuit
        yield GaugeMetricFamily(
            "redistopo_demo_event_streams", "Open event streams.", value=self._streams()
        )
