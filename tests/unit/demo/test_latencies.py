"""Percentiles and the share of hits."""

from hypothesis import given
from hypothesis import strategies as st

from redistopo.demo.latencies import Latencies
from redistopo.drill.outage import nearest_rank


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.sampled_from([0.01, 0.5, 0.95, 1]))
def test_a_percentile_is_one_of_them_and_covers_its_share(
    values: list[float], share: float
) -> None:
    found = nearest_rank(sorted(values), 100 * share)
    assert found in values
    assert sum(one <= found for one in values) >= share * len(values)
    assert sum(one < found for one in values) < share * len(values)


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
