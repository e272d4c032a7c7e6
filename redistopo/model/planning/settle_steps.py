"""The step that settles slots which an interrupted move left open; pure."""

from collections.abc import Iterable

from redistopo.model.planning.open_slot_repairs import open_slot_repairs
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.state.observed import Observed


def settle_steps(seen: Observed) -> Iterable[Step]:
    """Yield the step once all nodes reply: a silent one may own the slots, or have their keys."""
    if len(seen.answering) == len(seen.nodes) and (repairs := open_slot_repairs(seen)):
        why = "a move of slots was interrupted"
        yield Step(do=StepKind.SETTLE, nodes=repairs.nodes, cause=why)
