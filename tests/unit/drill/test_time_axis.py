"""The time axis of a drawing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drills import report

from redistopo.drill.outage import Track
from redistopo.drill.time_axis import (
    Cell,
    TimeAxis,
    axis_of,
    axis_ticks,
    changed_roles,
    tick_label,
    track_cells,
)

TICKS = [
    ((-1.0, 6.5), 12, (-1, 0, 1, 2, 3, 4, 5, 6)),
    ((-2.0, 30.0), 8, (0, 5, 10, 15, 20, 25, 30)),
    ((-0.1, 0.5), 4, (0, 0.2, 0.4)),
    ((0.0, 1.0), 5, (0, 0.2, 0.4, 0.6, 0.8)),
]


@pytest.mark.parametrize(("ends", "most", "wanted"), TICKS)
def test_ticks_are_round(ends: tuple[float, float], most: int, wanted: tuple[float, ...]) -> None:
    assert axis_ticks(TimeAxis(begin=ends[0], end=ends[1]), most) == wanted


def test_labels() -> None:
    assert [tick_label(at) for at in (-0.5, 0, 2.0, 10)] == ["-0.5s", "0", "+2s", "+10s"]


@given(st.floats(-1000, 0), st.floats(0.01, 10000), st.integers(1, 40))
def test_there_are_never_more_ticks_than_wanted(begin: float, long: float, most: int) -> None:
    axis = TimeAxis(begin=begin, end=begin + long)
    found = axis_ticks(axis, most)
    assert len(found) <= most
    assert all(begin - 1e-6 <= at <= axis.end + 1e-6 for at in found)


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=50),
    st.integers(1, 120),
    st.floats(0, 3),
    st.floats(0, 3),
)
def test_no_bucket_gets_lost_in_a_drawing(
    counts: list[int], columns: int, before: float, after: float
) -> None:
    one = Track(begin=0, width=0.1, good=tuple(counts), failed=tuple(counts))
    axis = TimeAxis(begin=-before, end=len(counts) * 0.1 + after)
    found = track_cells(one, axis, columns)
    assert len(found) == columns
    assert max(counts) == 0 or any(cell and cell.failed for cell in found)


def test_a_column_shows_the_mean_of_its_buckets_or_the_bucket_that_it_lies_in() -> None:
    one = Track(begin=0, width=0.1, good=(4, 2), failed=(0, 1))
    axis = TimeAxis(begin=-0.2, end=0.2)
    assert track_cells(one, axis, 2) == (None, Cell(3, 0.5))
    assert track_cells(one, axis, 8)[4:] == (Cell(4, 0), Cell(4, 0), Cell(2, 1), Cell(2, 1))


def test_the_axis_holds_all_that_is_told() -> None:
    found = axis_of(report(healed=9.0))
    assert found.begin == pytest.approx(-1)
    assert found.end == 9.0
    assert axis_of(report(traffic=(), moments=(), healed=None)).seconds > 0


def test_roles_that_changed() -> None:
    gone = report(roles_after={"node1": "replica", "node2": "primary"})
    assert changed_roles(gone) == (
        ("node1", "primary", "replica"),
        ("node4", "replica", "gone"),
    )
