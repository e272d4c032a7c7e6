"""What a drill of growth reports of each phase, and how it is judged: from made-up operations."""

from dataclasses import replace

import pytest
from support.drills import FAULT, load_seen, report

from redistopo.cli.views.drill import report_lines
from redistopo.drill.drill_report import Budget, DrillReport, Writes
from redistopo.drill.growth_phase import GrowthPhase, PhaseSpan, phases_of
from redistopo.drill.growth_report import with_growth_verdict
from redistopo.drill.load_result import Operation, OperationKind, TimeSpan
from redistopo.drill.proving_worker import MISSING
from redistopo.drill.report_html import drill_html
from redistopo.drill.report_junit import drills_junit

W, R = OperationKind.WRITE, OperationKind.READ
SPANS = (
    PhaseSpan(name="before", span=TimeSpan(FAULT - 1, FAULT)),
    PhaseSpan(name="out", span=TimeSpan(FAULT, FAULT + 2), slots=4096, keys=77),
)


def _phases(*ops: Operation, **more: object) -> tuple[GrowthPhase, ...]:
    return phases_of(load_seen([*ops], **more), SPANS, FAULT)


def test_a_wait_is_from_when_an_operation_was_sent_with_all_attempts() -> None:
    before, out = _phases(
        Operation(W, 1, FAULT - 0.5, 0.003),
        Operation(W, 1, FAULT + 0.5, 0.250, waited=0.2),
        Operation(R, 1, FAULT + 1.0, 0.070),
    )
    assert (before.longest_write, before.longest_read) == (pytest.approx(3), 0)
    assert (out.longest_write, out.longest_read) == (pytest.approx(50), pytest.approx(70))
    assert (out.begin, out.end, out.slots, out.keys) == (0, 2, 4096, 77)
    assert out.longest == out.longest_read


def test_an_operation_counts_in_each_phase_in_which_it_was_under_way() -> None:
    before, out = _phases(Operation(W, 1, FAULT - 0.1, 0.3))
    assert before.longest_write == out.longest_write == pytest.approx(300)


def test_time_in_which_the_load_did_not_run_is_no_wait() -> None:
    hiccup = TimeSpan(FAULT + 0.6, FAULT + 0.9)
    _, out = _phases(Operation(W, 1, FAULT + 0.5, 0.45), hiccups=(hiccup,))
    assert out.longest_write == pytest.approx(150)


def test_missing_reads_and_failures_are_counted_apart_and_unsent_operations_not_at_all() -> None:
    _, out = _phases(
        Operation(R, 1, FAULT + 0.1, 0.001, MISSING),
        Operation(W, 1, FAULT + 0.2, 5.1, "CLUSTERDOWN"),
        Operation(W, 1, FAULT + 0.3, 1.0, "Overdue", None),
    )
    assert (out.missing, out.failed) == (1, 1)


def _report(**more: object) -> DrillReport:
    values: dict[str, object] = {
        "fault": "grow",
        "target": "one shard: node7, node8",
        "planned": True,
        "budget": Budget(seconds=1, most_lost=0),
        "phases": _phases(Operation(W, 1, FAULT + 0.5, 0.25), Operation(R, 1, FAULT + 0.5, 0.05)),
        "missing": 0,
        "writes": Writes(acknowledged=9, lost=0, unchecked=0, examples=(), wait_replicas=0),
        "roles_after": {"node1": "primary", "node2": "primary", "node4": "replica"},
    }
    return with_growth_verdict(report(**(values | more)))


WRITES = _report().writes


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, ""),
        ({"budget": Budget(seconds=0.2)}, "waited for 250 ms in phase out"),
        ({"writes": replace(WRITES, lost=1)}, "acknowledged writes lost: 1"),
        ({"writes": replace(WRITES, unchecked=2)}, "could not be read back: 2"),
        ({"missing": 3}, "did not return an acknowledged write: 3"),
        ({"healed": None}, "not verified healthy again"),
        ({"roles_after": {"node1": "primary"}}, "nodes or roles differ from before"),
        ({"traffic": ()}, "nothing was measured"),
        (
            {"phases": _phases(Operation(W, 1, FAULT, 0.5, "CLUSTERDOWN"))},
            "operations that did not succeed: 1",
        ),
    ],
)
def test_a_drill_fails_for_each_promise_that_is_broken(
    more: dict[str, object], reason: str
) -> None:
    found = _report(**more)
    assert found.passed == (not reason)
    assert reason in "; ".join(found.reasons)
    assert len(found.reasons) <= 1


def test_every_form_of_the_report_has_the_phases() -> None:
    found = _report()
    text = "\n".join("".join(part for part, _ in line) for line in report_lines(found))
    assert "Growth drill: add and remove one shard: node7, node8" in text
    assert "9 writes acknowledged, none lost; no reads missed one" in text
    row = next(line for line in text.splitlines() if line.startswith("out "))
    assert row.split() == ["out", "2.00", "4096", "77", "250", "50", "0", "0"]
    assert "<td class=n>4096</td><td class=n>77</td>" in drill_html((found,), "growth")
    assert "phase out, seconds 2.00, slots 4096, keys 77" in drills_junit((found,), "growth")
