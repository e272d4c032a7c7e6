"""The faults of a formed topology that the steps of `up` don't repair; pure."""

from collections.abc import Iterable

from redistopo.model.planning.step import OBSERVE_AGAIN, Step
from redistopo.model.state.finding import Finding, root_causes


def unrepaired_faults(
    steps: tuple[Step, ...], findings: Iterable[Finding], names: Iterable[str]
) -> tuple[Finding, ...]:
    """Return the root causes that no step concerns; `names` are those of all nodes.

    With steps, a fault of the topology or of a shard may follow from the nodes that they repair;
    after some steps `up` decides again, so that nothing is known yet.
    """
    roots = root_causes(findings)
    if not steps:
        return roots
    kinds = {one.do for one in steps}
    repaired = {name for one in steps for name in one.nodes}
    if kinds & OBSERVE_AGAIN:
        return ()
    others = {*names} - repaired
    return tuple(one for one in roots if one.subject in others)
