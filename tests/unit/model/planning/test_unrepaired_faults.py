"""Which faults a dry run reports beside its steps."""

import pytest

from redistopo.model.planning.step import Step, StepKind
from redistopo.model.planning.unrepaired_faults import unrepaired_faults
from redistopo.model.state.finding import Finding, Status

NAMES = ("node1", "node2")


def _fault(subject: str, *because: str, status: Status = Status.FAIL) -> Finding:
    return Finding(check="a.check", subject=subject, status=status, evidence="", because_of=because)


def _step(kind: StepKind, *nodes: str) -> Step:
    return Step(do=kind, nodes=nodes, cause="")


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ((), ["topology", "node1", "node2"]),
        ((_step(StepKind.CORRECT, "node1"),), ["node2"]),
        ((_step(StepKind.WRITE, "node1"), _step(StepKind.CORRECT, "node2")), []),
        ((_step(StepKind.RESUME, "node1"),), []),
        ((_step(StepKind.START, "node1"),), []),
    ],
    ids=["no step", "a step for a node", "a step for each", "up decides again", "a start"],
)
def test_a_fault_is_left_if_no_step_may_repair_it(steps: tuple[Step, ...], left: list[str]) -> None:
    found = (
        _fault("topology"),
        _fault("node1"),
        _fault("node2"),
        _fault("node2", "a.check node1"),
        _fault("node1", status=Status.WARN),
    )
    assert [one.subject for one in unrepaired_faults(steps, found, NAMES)] == left
