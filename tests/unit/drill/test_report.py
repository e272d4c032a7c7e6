"""What a report says, and how it is judged."""

from dataclasses import replace

import pytest
from support.drills import FAULT, LOST, load_seen, ops, report

from redistopo.drill.drill_report import (
    AFTERMATH_SECONDS,
    Budget,
    DrillReport,
    client_moments,
    summarize_traffic,
    summarize_writes,
    with_verdict,
)
from redistopo.drill.load_result import OperationKind
from redistopo.errors import ExitCode
from redistopo.session.to_json import to_json

GOOD = report(writes=replace(report().writes, lost=0, examples=()))


def _lost(count: int, **more: object) -> DrillReport:
    return replace(GOOD, writes=replace(GOOD.writes, lost=count), **more)


ASYNCHRONOUS = Budget(seconds=15)

# name -> (report, what each reason for failure says)
VERDICTS: dict[str, tuple[DrillReport, list[str]]] = {
    "well": (GOOD, []),
    "at the budget": (replace(GOOD, budget=Budget(seconds=2.525)), []),
    "over the budget": (replace(GOOD, budget=Budget(seconds=2.51)), ["more than the budget"]),
    "reads too": (replace(GOOD, budget=Budget(seconds=2.4)), ["writes were", "reads were"]),
    "lost, unplanned": (_lost(7, budget=ASYNCHRONOUS), []),
    "lost, as many as allowed": (_lost(7, budget=Budget(seconds=15, most_lost=7)), []),
    "lost, more than allowed": (_lost(7, budget=Budget(seconds=15, most_lost=6)), ["budget 6"]),
    "lost, planned": (
        _lost(1, planned=True, budget=ASYNCHRONOUS),
        ["planned failover allows none"],
    ),
    "lost, planned, whatever is allowed": (
        _lost(1, planned=True, budget=Budget(seconds=15, most_lost=9)),
        ["allows none"],
    ),
    "not read back": (
        replace(GOOD, writes=replace(GOOD.writes, unchecked=3)),
        ["could not be read back: 3"],
    ),
    "never healthy": (replace(GOOD, healed=None), ["was not verified healthy"]),
    "nothing measured": (replace(GOOD, traffic=()), ["nothing was measured"]),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_verdict_and_its_reasons(name: str) -> None:
    asked, wanted = VERDICTS[name]
    found = with_verdict(asked)
    assert found.passed is not bool(wanted)
    assert found.code is (ExitCode.FAULT if wanted else ExitCode.DONE)
    assert len(found.reasons) == len(wanted)
    for reason, words in zip(found.reasons, wanted, strict=True):
        assert words in reason


def test_who_is_never_served_again_fails_whatever_the_budget() -> None:
    seen = load_seen(ops(OperationKind.WRITE, 1, (0, 9)), ops(OperationKind.READ, 1))
    found = with_verdict(
        replace(GOOD, traffic=summarize_traffic(seen, FAULT), budget=Budget(seconds=999))
    )
    assert found.reasons == ("writes were not served again",)


def test_other_shards_are_reported_and_not_judged() -> None:
    assert GOOD.part("other writes") is not None
    tight = replace(GOOD, budget=Budget(seconds=2.6))
    assert with_verdict(tight).passed
    seen = load_seen(
        ops(OperationKind.WRITE, 1), ops(OperationKind.WRITE, 2, (0, 4)), ops(OperationKind.READ, 1)
    )
    assert with_verdict(replace(tight, traffic=summarize_traffic(seen, FAULT))).passed


def test_latencies_are_told_apart_by_when_an_operation_was_due() -> None:
    seen = load_seen(
        ops(OperationKind.WRITE, 1, (0, 2)), ops(OperationKind.READ, 1), ops(OperationKind.READ, 2)
    )
    writes, reads, others = summarize_traffic(seen, FAULT)
    assert [one.name for one in (writes, reads, others)] == ["writes", "reads", "other reads"]
    phases = writes.latencies
    assert (phases.before.answered, phases.during.failed, phases.after.failed) == (50, 100, 0)
    # service was back with the first good write: 101 reads were due until then
    assert reads.latencies.during.answered == 101
    assert others.latencies.during.answered == 101


def test_without_an_outage_during_is_a_second_after_the_fault() -> None:
    writes, *_ = summarize_traffic(load_seen(ops(OperationKind.WRITE, 1)), FAULT)
    assert writes.latencies.during.answered == round(AFTERMATH_SECONDS * 50)


def test_clients_moments_are_of_the_hurt_shards_longest_gap() -> None:
    seen = load_seen(
        ops(OperationKind.WRITE, 1, (0, 2)),
        ops(OperationKind.READ, 1),
        ops(OperationKind.WRITE, 2, (1, 2)),
    )
    found = client_moments(summarize_traffic(seen, FAULT))
    assert [(round(one.at, 2), one.text) for one in found] == [
        (-0.02, "last good write"),
        (0.0, "first failed write"),
        (2.0, "first good write again"),
    ]


def test_lost_writes_are_told_by_when_they_were_acknowledged() -> None:
    seen = load_seen(
        ops(OperationKind.WRITE, 1), lost=1, unchecked=2, examples=(LOST,), wait_replicas=1
    )
    found = summarize_writes(seen, FAULT)
    assert (found.acknowledged, found.lost, found.unchecked, found.wait_replicas) == (300, 1, 2, 1)
    assert found.examples[0].acknowledged == pytest.approx(-0.34)


def test_a_report_is_plain_json() -> None:
    import json

    told = to_json(report())
    assert json.loads(json.dumps(told))["traffic"][0]["name"] == "writes"
