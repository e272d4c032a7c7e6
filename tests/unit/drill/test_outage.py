"""How long nobody was served: tables, and what must hold for any operations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drills import FAULT, load_seen, ops

from redistopo.drill.load_result import (
    LoadResult,
    Operation,
    OperationKind,
    TimeSpan,
    errors_by_kind,
)
from redistopo.drill.outage import STALL_SECONDS, latency, outage, stall_bound, track


def _seen(*made: tuple[float, float, str], **more: object) -> LoadResult:
    """Writes on shard 1: (due, took, error), seconds from the load's begin."""
    found = [Operation(OperationKind.WRITE, 1, FAULT + at, took, error) for at, took, error in made]
    return load_seen(found, span=TimeSpan(FAULT, FAULT + 10), **more)


def _steady(begin: float, end: float, error: str = "") -> list[tuple[float, float, str]]:
    """An operation each 10 ms, answered (or failed) within 1 ms."""
    count = round((end - begin) * 100)
    return [(round(begin + n / 100, 6), 0.001, error) for n in range(count)]


ALL_WELL = _steady(0, 10)

# name -> (operations, unavailable ms, gaps)
CASES: dict[str, tuple[list[tuple[float, float, str]], float, int]] = {
    "all is well": (ALL_WELL, 0, 0),
    "one operation fails": ([*_steady(0, 5), (5.0, 0.001, "E"), *_steady(5.01, 10)], 20, 1),
    "three seconds of errors": (
        [*_steady(0, 2), *_steady(2, 5, "E"), *_steady(5, 10)],
        3010,
        1,
    ),
    "two outages": (
        [*_steady(0, 2), *_steady(2, 3, "E"), *_steady(3, 5), *_steady(5, 6, "E"), *_steady(6, 10)],
        2020,
        2,
    ),
    "errors until the end": ([*_steady(0, 4), *_steady(4, 10, "E")], 6009, 1),
    "errors from the begin": ([*_steady(0, 4, "E"), *_steady(4, 10)], 4001, 1),
    "never an answer": (_steady(0, 10, "E"), 10000, 1),
    "an answer that took 0.8 s": ([*_steady(0, 2), (2.0, 0.8, ""), *_steady(2.81, 10)], 809, 1),
    "an answer that took 0.4 s": ([*_steady(0, 2), (2.0, 0.4, ""), *_steady(2.41, 10)], 0, 0),
    "slow, while another client is served": ([*ALL_WELL, (2.0, 3.0, "")], 0, 0),
    "nothing was asked for 2 s": ([*_steady(0, 2), *_steady(4, 10)], 0, 0),
    "nothing was asked at the end": (_steady(0, 2), 0, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_unavailable_is_from_the_last_answer_to_the_next(name: str) -> None:
    made, milliseconds, gaps = CASES[name]
    found = outage(_seen(*made), OperationKind.WRITE, hurt=True)
    assert round(found.milliseconds) == milliseconds
    assert len(found.gaps) == gaps


def test_a_gap_names_its_moments() -> None:
    seen = _seen(*_steady(0, 2), *_steady(2, 5, "E"), *_steady(5, 10))
    (gap,) = outage(seen, OperationKind.WRITE, hurt=True).gaps
    assert gap.last_good - FAULT == pytest.approx(1.991)
    assert gap.first_error is not None
    assert gap.first_error - FAULT == pytest.approx(2.0)
    assert gap.first_good is not None
    assert gap.first_good - FAULT == pytest.approx(5.001)


def test_who_is_never_served_again_has_no_first_good() -> None:
    found = outage(_seen(*_steady(0, 4), *_steady(4, 10, "E")), OperationKind.WRITE, hurt=True)
    assert found.gaps[-1].first_good is None


def test_our_own_hiccup_is_no_outage_but_an_error_in_it_is() -> None:
    stalled = [*_steady(0, 2), (2.0, 0.8, ""), *_steady(2.81, 10)]
    hiccup = TimeSpan(FAULT + 2.05, FAULT + 2.75)
    assert outage(_seen(*stalled, hiccups=(hiccup,)), OperationKind.WRITE, hurt=True).gaps == ()
    short = TimeSpan(FAULT + 2.05, FAULT + 2.15)
    assert len(outage(_seen(*stalled, hiccups=(short,)), OperationKind.WRITE, hurt=True).gaps) == 1
    failed = [*_steady(0, 2), (2.0, 0.8, "Timeout"), *_steady(2.81, 10)]
    assert len(outage(_seen(*failed, hiccups=(hiccup,)), OperationKind.WRITE, hurt=True).gaps) == 1


def test_what_failed_behind_a_hanging_client_belongs_to_the_outage() -> None:
    # another client is served from 5.0 on; this one hears of it when its time is over
    late = [(4.8, 0.5, "Timeout"), (4.9, 0.0, "Timeout")]
    made = [*_steady(0, 2), *_steady(2, 4.8, "E"), *late, *_steady(5, 10)]
    found = outage(_seen(*made), OperationKind.WRITE, hurt=True)
    assert len(found.gaps) == 1
    assert round(found.milliseconds) == 3010


def test_of_several_hurt_shards_each_must_be_served() -> None:
    first, second = ops(OperationKind.WRITE, 1, (0, 1.0)), ops(OperationKind.WRITE, 2, (0.5, 2.0))
    seen = load_seen(first, second, hurt=frozenset({1, 2}))
    (gap,) = outage(seen, OperationKind.WRITE, hurt=True).gaps
    assert (gap.last_good - FAULT, gap.until - FAULT) == pytest.approx((-0.02, 2.0), abs=0.005)


def test_an_outage_within_another_ones_time_doesnt_end_it() -> None:
    first, second = ops(OperationKind.WRITE, 1, (0, 3.0)), ops(OperationKind.WRITE, 2, (1.0, 2.0))
    (gap,) = outage(
        load_seen(first, second, hurt=frozenset({1, 2})), OperationKind.WRITE, hurt=True
    ).gaps
    assert gap.until - FAULT == pytest.approx(3.0, abs=0.005)


def test_shards_and_kinds_are_told_apart() -> None:
    seen = load_seen(
        ops(OperationKind.WRITE, 1, (0, 1)), ops(OperationKind.READ, 1), ops(OperationKind.WRITE, 2)
    )
    assert outage(seen, OperationKind.WRITE, hurt=True).failed == 50
    assert outage(seen, OperationKind.READ, hurt=True).failed == 0
    assert outage(seen, OperationKind.WRITE, hurt=False).milliseconds == 0
    assert outage(seen, OperationKind.READ, hurt=False).gaps == ()


def test_a_slow_server_is_slow_and_not_away() -> None:
    assert stall_bound([Operation(OperationKind.READ, 1, 0, 0.001)] * 9) == STALL_SECONDS
    assert stall_bound([Operation(OperationKind.READ, 1, 0, 0.1)] * 9) == pytest.approx(2.0)
    assert stall_bound([]) == STALL_SECONDS


def test_latency_is_of_answers_alone_and_always_a_value_that_was_measured() -> None:
    took = [0.001 * n for n in range(1, 101)]
    found = latency(
        [
            *(Operation(OperationKind.READ, 1, 0, one) for one in took),
            Operation(OperationKind.READ, 1, 0, 9, "E"),
        ]
    )
    assert (found.answered, found.failed) == (100, 1)
    assert (found.p50, found.p99, found.most) == pytest.approx((50, 99, 100))
    nothing = latency([Operation(OperationKind.READ, 1, 0, 9, "E")])
    assert (nothing.answered, nothing.failed, nothing.most) == (0, 1, 0)


def test_a_track_counts_by_the_end_of_an_operation() -> None:
    span = TimeSpan(FAULT - 0.15, FAULT + 0.2)
    made = [
        Operation(OperationKind.READ, 1, FAULT - 0.15, 0.01),
        Operation(OperationKind.READ, 1, FAULT - 0.05, 0.06),
        Operation(OperationKind.READ, 1, FAULT + 0.12, 0.01, "E"),
        Operation(OperationKind.READ, 1, FAULT + 0.19, 5.0),
    ]
    found = track(made, span, origin=FAULT)
    assert found.begin == pytest.approx(FAULT - 0.2)
    assert (found.good, found.failed) == ((1, 0, 1, 0), (0, 0, 0, 1))


def test_errors_are_counted_by_kind_the_most_frequent_first() -> None:
    made = [Operation(OperationKind.READ, 1, 0, 0, error) for error in ("B", "A", "", "B", "C")]
    assert list(errors_by_kind(made).items()) == [("B", 2), ("A", 1), ("C", 1)]


OPS = st.lists(
    st.tuples(
        st.floats(0, 10, width=32), st.floats(0, 4, width=32), st.sampled_from(["", "", "E"])
    ),
    min_size=1,
    max_size=40,
)


@given(OPS)
def test_gaps_lie_in_order_within_the_load_and_hold_no_answer(
    made: list[tuple[float, float, str]],
) -> None:
    seen = _seen(*made)
    found = outage(seen, OperationKind.WRITE, hurt=True)
    answers = [op.ended for op in seen.ops if op.good]
    last = min(op.started for op in seen.ops)
    for gap in found.gaps:
        assert last <= gap.last_good <= gap.until
        assert not [at for at in answers if gap.last_good < at < gap.until]
        last = gap.until
    end = max([seen.span.end, *answers])
    assert 0 <= found.milliseconds <= (end - min(op.started for op in seen.ops)) * 1000 + 1e-6
    if any(op.error for op in seen.ops):
        assert found.gaps
    assert found.failed == sum(bool(op.error) for op in seen.ops)


@given(OPS)
def test_latencies_are_in_order(made: list[tuple[float, float, str]]) -> None:
    found = latency(_seen(*made).ops)
    assert 0 <= found.p50 <= found.p99 <= found.most
    assert found.answered + found.failed == len(made)


@given(OPS, st.floats(-3, 3))
def test_a_track_holds_each_operation_that_ended_in_the_span_once(
    made: list[tuple[float, float, str]], origin: float
) -> None:
    seen = _seen(*made)
    found = track(seen.ops, seen.span, origin=origin)
    inside = sum(op.ended < seen.span.end - 0.2 for op in seen.ops)
    assert inside <= sum(found.good) + sum(found.failed) <= len(made)
    assert found.begin <= seen.span.begin + 1e-6
