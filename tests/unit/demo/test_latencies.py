"""Latencies and the share of hits."""

from redistopo.demo.latencies import Latencies


def test_hits_and_misses_are_told_apart() -> None:
    latencies = Latencies()
    nothing = {"p50": None, "p95": None, "count": 0}
    assert latencies.summary() == ({"hit": nothing, "miss": nothing}, None)
    for milliseconds in (1.0, 2.0, 3.0):
        latencies.add(hit=True, milliseconds=milliseconds)
    latencies.add(hit=False, milliseconds=2000.0)
    told, rate = latencies.summary()
    assert told["hit"] == {"p50": 2.0, "p95": 3.0, "count": 3}
    assert told["miss"] == {"p50": 2000.0, "p95": 2000.0, "count": 1}
    assert rate == 0.75
