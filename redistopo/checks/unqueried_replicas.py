"""Replicas that are there, according to their primary, but that we can't query."""

from redistopo.checks.check_types import CheckSubject
from redistopo.model.state.observed import NodeSeen, ProcessState
from redistopo.model.state.shards import ShardSeen


def unqueried_replicas(subject: CheckSubject, shard: ShardSeen) -> tuple[NodeSeen, ...]:
    """Return the nodes that don't reply to us, for example because they reject our password, while
    the primary has them as linked replicas."""
    if shard.primary is None:
        return ()
    linked = _linked(shard.primary)
    return tuple(
        node
        for node in subject.seen.nodes
        if not node.answers
        and not node.paused
        and node.process is not ProcessState.ABSENT
        and node.address in linked
    )


def _linked(primary: NodeSeen) -> set[str]:
    """The addresses of its replicas, as the primary reports them."""
    me = primary.myself
    if me is None:
        return {one.address for one in primary.replicas if one.state == "online"}
    others = (one for one in primary.members if one.linked and not one.failing)
    return {one.address for one in others if one.primary_id == me.id}
