"""Which running replicas of a cluster have more than their primaries left on disk."""

from collections.abc import Iterable

from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.topology.spec import Persistence


def primaries_to_promote(plan: Plan, seen: Observed) -> Iterable[str]:
    """For each primary that doesn't run, while replicas of it do and hold keys: the one that
    got the most. None where a log is kept: then the primary itself has everything."""
    if not plan.topology.clustered or plan.topology.persistence is Persistence.AOF:
        return
    absent = {node.address for node in seen.nodes if not node.running}
    heirs: dict[str, NodeSeen] = {}
    for node in seen.answering:
        primary = _primary(node)
        if not primary or primary.address not in absent or not node.keys or _owned(seen, primary):
            continue
        best = heirs.get(primary.id)
        heirs[primary.id] = max((best, node), key=lambda one: one.offset) if best else node
    yield from (node.name for node in heirs.values())


def _primary(node: NodeSeen) -> ClusterNodesLine | None:
    """Whom a replica follows, by its own table."""
    me = node.myself
    if me is None or not me.replica:
        return None
    return next((one for one in node.members if one.id == me.primary_id), None)


def _owned(seen: Observed, primary: ClusterNodesLine) -> bool:
    """Whether a running node owns slots of it already."""
    owners = [node.myself for node in seen.answering]
    return any(
        one.primary and set(one.slots) & set(primary.slots) for one in owners if one is not None
    )
