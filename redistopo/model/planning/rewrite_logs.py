"""The step that rewrites the append-only logs of running servers; pure."""

from collections.abc import Iterable

from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.aof import failed_rewrite
from redistopo.model.state.observed import Observed


def rewrite_steps(seen: Observed) -> Iterable[Step]:
    """Yield the step for damaged logs of running servers, which have all data in memory: at their
    next start they would lose it, and their replicas with them. And for those whose last rewrite
    failed."""
    some = [node for node in seen.answering if not node.folder_lost]
    found = {node.name: node.log_damage or failed_rewrite(node.info) for node in some}
    damaged = {name: why for name, why in found.items() if why}
    if damaged:
        cause = "; ".join(f"{name}: {damage}" for name, damage in damaged.items())
        yield Step(do=StepKind.REWRITE, nodes=tuple(damaged), cause=cause)
