"""Repairs what nodes of a cluster were told wrongly, and no gossip takes back."""

from collections.abc import Callable, Mapping

from redistopo.client.target import Detail
from redistopo.execute.context import ExecutionContext
from redistopo.execute.raise_epoch import raise_own
from redistopo.model.planning.gossip_repairs import gossip_repairs
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.state.observed import Observed
from redistopo.progress import note


def raise_stale(context: ExecutionContext, one: Step) -> None:
    """Raise the config epoch of these primaries."""
    for node in context.nodes(one.nodes):
        raise_own(context, node)


def follow_again(context: ExecutionContext, one: Step) -> None:
    """Make replicas follow their primaries at the addresses that they know."""
    for node in context.nodes(one.nodes):
        me = next((line for line in context.cluster_nodes(node) if line.myself), None)
        if me and me.replica:
            context.send(node, "CLUSTER", "REPLICATE", me.primary_id)


_REPAIRS: Mapping[StepKind, Callable[[ExecutionContext, Step], None]] = {
    StepKind.EPOCH: raise_stale,
    StepKind.FOLLOW: follow_again,
}


class GossipRepairs:
    """Takes snapshots, and repairs what two of them in a row have: one alone may be of nodes that
    were asked before and after a change."""

    def __init__(self, context: ExecutionContext) -> None:
        self._context = context
        self._before: tuple[Step, ...] = ()

    def observe(self) -> Observed:
        """Take a snapshot; what it has lasting is repaired after it."""
        context = self._context
        seen = context.observe(Detail.HEALTH)
        now = tuple(gossip_repairs(seen))
        for one in now:
            if one in self._before:
                if (text := f"{one}: {one.cause}") not in context.told:
                    note(context.progress, text)
                context.told.add(text)
                _REPAIRS[one.do](context, one)
        self._before = now
        return seen
