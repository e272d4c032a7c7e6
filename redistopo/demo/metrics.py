"""Prometheus metrics of the demo, in a registry of its own: none of other programs or of the
interpreter."""

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
    "hits": "responses from the cache, including that there is no such item",
    "misses": "requests for an item that the cache did not hold",
    "negative": "responses that there is no such item",
    "loads": "reads of the database",
    "waited": "requests that got what another one read from the database",
    "degraded": "requests served without the cache, because Redis was unavailable",
    "errors": "requests that failed because of the database",
}


class Metrics:
    """Metrics of a cache, whose counters are read at each scrape, and of the open `streams`."""

    def __init__(self, cache: CacheAside, streams: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Counted(cache, streams))
        self._seconds = Histogram(
            "redistopo_demo_answer_seconds",
            "How long an item took, by its source.",
            ("source",),
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def took(self, source: str, seconds: float) -> None:
        """Record the duration of a response from the cache or the database."""
        self._seconds.labels(source).observe(seconds)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _Counted(Collector):
    def __init__(self, cache: CacheAside, streams: Callable[[], int]) -> None:
        self._cache = cache
        self._streams = streams

    def collect(self) -> Iterable[Metric]:
        counts = self._cache.stats.counts()
        for name, what in _COUNTED.items():
            family = CounterMetricFamily(f"redistopo_cache_{name}", f"Number of {what}.")
            family.add_metric((), getattr(counts, name))
            yield family
        circuit = GaugeMetricFamily(
            "redistopo_cache_circuit",
            "1 for the state of a shard's circuit; one for all calls counts as reads and writes.",
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
