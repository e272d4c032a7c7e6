"""What `up` would do now: a snapshot, and what is decided from it."""

from dataclasses import replace

from redistopo.execute.context import ExecutionContext
from redistopo.model.planning.decide_up import Decision, decide
from redistopo.model.planning.proposal import Asked
from redistopo.model.planning.readdress import (
    after_readdressing,
    readdress_steps,
    with_addresses,
)
from redistopo.model.planning.rename import rename_steps
from redistopo.model.planning.room import added_nodes
from redistopo.model.planning.step import Step
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import TopologyState
from redistopo.project.topology_record import current_record
from redistopo.quick_dataclass import dataclass
from redistopo.session.situation import observe_placed, observe_recorded, situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The decision from a snapshot, and the steps before its own, which change addresses in files;
    `record` is the record that the topology has, or would get, and `warning` about it, "" for
    none."""

    seen: Observed
    record: TopologyState
    warning: str
    moves: tuple[Step, ...]
    decision: Decision

    @property
    def idle(self) -> bool:
        """Whether nothing is to do, and nothing is refused."""
        return not (self.moves or self.decision.steps or self.decision.refusal)


def decide_now(context: ExecutionContext, state: TopologyState | None, asked: Asked) -> Decided:
    """Take a snapshot and decide; new nodes are placed in the context's plan.

    Over several hosts, their files are looked up only if something is to do by what is known here,
    or not all of it is known. Raises RedistopoError.
    """
    seen = observe_recorded(context, state)
    if seen is not None and (found := _decided(context, state, seen, asked)).idle:
        return found
    return _decided(context, state, observe_placed(context, state), asked)


def _decided(
    context: ExecutionContext, state: TopologyState | None, seen: Observed, asked: Asked
) -> Decided:
    plan = context.plan
    moves = readdress_steps(plan, state, seen)
    seen = after_readdressing(plan, state, seen, moves)
    record, warning = current_record(plan, with_addresses(plan, state), seen)
    added = added_nodes(plan, state)
    now = replace(
        situation(context, record, seen),
        added=tuple(node.name for node in added),
        rooms={
            machine: context.host.room(folder.root)
            for machine, folder in {node.machine: node.folder for node in added}.items()
        },
    )
    return Decided(
        seen=now.seen,
        record=record,
        warning=warning,
        moves=(*moves, *rename_steps(plan, state, seen)),
        decision=decide(plan, now, asked),
    )
