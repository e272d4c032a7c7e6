"""What is proven of an outage, and what is possible, when clients or the machine were late."""

from dataclasses import replace

import pytest
from support.drills import FAULT, load_seen, report

from redistopo.drill.drill_report import Budget, summarize_traffic, with_verdict
from redistopo.drill.load_result import LoadResult, Operation, OperationKind, ServedSpan, TimeSpan
from redistopo.drill.load_worker import OVERDUE
from redistopo.drill.outage import Outage, outage
from redistopo.drill.report_sentences import budget_text, busy_text

WRITE = OperationKind.WRITE


def _op(at: float, took: float, error: str = "", waited: float | None = 0.0) -> Operation:
    return Operation(WRITE, 1, FAULT + at, took, error, waited)


def _span(begin: float, end: float, *, around: float = 0.0) -> ServedSpan:
    """A node served from begin to end; the probe was that late at both edges."""
    return ServedSpan(
        shard=1,
        kind=WRITE,
        earliest=FAULT + begin - 0.01 - around,
        begin=FAULT + begin,
        sent=FAULT + end - 0.001,
        end=FAULT + end,
        latest=FAULT + end + 0.01 + around,
    )


def _seen(ops: list[Operation], *served: ServedSpan) -> LoadResult:
    return load_seen(ops, span=TimeSpan(FAULT - 1, FAULT + 5), served=served)


def _away(ops: list[Operation], *served: ServedSpan) -> Outage:
    return outage(_seen(ops, *served), WRITE, hurt=True)


STEADY = [_op(n / 100, 0.001) for n in range(-100, 500)]
LATE = [_op(2 + n / 100, 1.0, OVERDUE, None) for n in range(100)]
FAILED = [_op(n / 100, 0.001, "ConnectionError") for n in range(200)]


def test_operations_that_were_never_sent_are_counted_and_are_no_outage() -> None:
    found = _away([*STEADY, *LATE])
    assert (found.milliseconds, found.failed) == (0, 100)


def test_an_operation_that_failed_belongs_to_the_time_when_it_was_sent() -> None:
    busy = [op for op in STEADY if not 1 <= op.started - FAULT < 2]
    found = _away([*busy, _op(0.5, 1.1, "ConnectionError", 1.0)])
    (gap,) = found.gaps
    assert gap.last_good - FAULT == pytest.approx(0.991)
    assert gap.first_error is not None
    assert gap.first_error - FAULT == pytest.approx(1.5)


def test_the_probe_decides_and_late_clients_dont() -> None:
    clients = [*(op for op in STEADY if op.started < FAULT or op.started > FAULT + 4), *FAILED]
    found = _away(clients, _span(-1, 0), _span(2, 5))
    assert found.milliseconds == pytest.approx(2000)
    assert found.at_least == pytest.approx(1980)
    assert found.at_most == pytest.approx(2001)
    assert not found.gaps[0].blurred


def test_what_another_node_served_is_no_outage() -> None:
    assert _away([*STEADY, *FAILED], _span(-1, 0), _span(-1, 5)).gaps == ()


def test_a_gap_that_no_client_noticed_counts_from_half_a_second() -> None:
    assert _away(STEADY, _span(-1, 0), _span(0.4, 5)).gaps == ()
    assert len(_away(STEADY, _span(-1, 0), _span(0.6, 5)).gaps) == 1


def test_who_never_serves_again_is_away_until_the_end() -> None:
    (gap,) = _away([*STEADY[:100], *FAILED], _span(-1, 0)).gaps
    assert gap.first_good is None
    assert gap.seconds == pytest.approx(5)


def test_a_busy_machine_has_bounds_and_only_what_is_proven_fails_a_budget() -> None:
    seen = _seen([*STEADY[:100], *FAILED], _span(-1, 0, around=0.4), _span(2, 5, around=0.4))
    assert not summarize_traffic(seen, FAULT)[0].blurred  # it was a server that was slow
    seen = replace(seen, hiccups=(TimeSpan(FAULT + 1.7, FAULT + 1.9),))
    traffic = summarize_traffic(seen, FAULT)
    writes = traffic[0]
    assert (writes.bounded, writes.blurred) == (True, True)
    assert writes.at_least == pytest.approx(1180)
    assert writes.unavailable == pytest.approx(2000)
    assert busy_text(traffic) == (
        "this machine was too busy to measure the downtime: writes at least 1180 ms, "
        "at most 2001 ms"
    )
    made = report(traffic=traffic, budget=Budget(seconds=1.5))
    assert with_verdict(made).passed
    assert "writes 2000 ms (at least 1180, at most 2001)" in budget_text(made)
    tight = with_verdict(report(traffic=traffic, budget=Budget(seconds=1.0)))
    assert tight.reasons == (
        "writes were unavailable for at least 1180 ms, more than the budget of 1000 ms",
    )


def test_a_shard_that_served_as_long_as_the_probe_asked_was_not_away_at_the_end() -> None:
    late = _op(4.7, 0.3, "ConnectionError")  # a client that was late with its last operation
    served = replace(_span(2, 4.2), latest=FAULT + 5.8)  # the probe stood still, then it ended
    (gap,) = _away([*STEADY[:100], *FAILED, late], _span(-1, 0), served).gaps
    assert (gap.until, gap.first_good) == (FAULT + 2, FAULT + 2)


def test_a_probe_that_stood_still_proves_no_outage() -> None:
    before = replace(_span(-1, 1), latest=FAULT + 2.8)
    after = replace(_span(2.8, 5), earliest=FAULT + 1)
    assert _away(STEADY, before, after).gaps == ()
