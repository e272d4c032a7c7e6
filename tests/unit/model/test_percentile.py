"""Percentiles by nearest rank."""

from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.percentile import percentile


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.sampled_from([1, 50, 95, 99, 100]))
def test_a_percentile_is_one_of_them_and_covers_its_share(
    values: list[float], percent: float
) -> None:
    found = percentile(sorted(values), percent)
    assert found in values
    assert sum(one <= found for one in values) * 100 >= percent * len(values)
    assert sum(one < found for one in values) * 100 < percent * len(values)
