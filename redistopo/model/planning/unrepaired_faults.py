"""The faults of a formed topology that the steps of `up` don't repair; pure."""

from collections.abc import Iterable

from redistopo.model.planning.step import OBSERVE_AGAIN, Step, StepKind
from redistopo.model.state.finding import Finding, root_causes


def unrepaired_faults(
    steps: tuple[Step, ...], findings: Iterable[Finding], names: Iterable[str]
) -> tuple[Finding, ...]:
    """Return the root causes that no step concerns; `names` are those of all nodes.

    With steps, a fault of the topology or of a shard may follow from the nodes that they repair;
    after some steps, and after nodes were started, `up` decides again, so that nothing is known.
    """
    roots = root_causes(findings)
    if not steps:
        return roots
    kinds = {one.do for one in steps}
    repaired = {name for one in steps for name in one.nodes}
    if kinds & {*OBSERVE_AGAIN, StepKind.START}:
        return ()
    others = {*names} - repaired
    return tuple(one for one in roots if one.subject in others)
