"""Two clusters that CLUSTER MEET merged: which nodes the other one took over, and the way back."""

from redistopo.checks.check_types import CheckSubject
from redistopo.model.planning.plan_rejoin import stranded
from redistopo.model.remedies.of_topology import separate_cluster
from redistopo.model.state.observed import NodeSeen


def separation(subject: CheckSubject) -> str:
    """How to separate a cluster of ours whose nodes follow primaries outside of it; "" if none do.

    They followed when their slots went to a higher epoch. CLUSTER REPLICATE or a reshard would
    replace, or mix in, keys that only they have. CLUSTER FORGET of its own primary is refused to
    a replica, and CLUSTER RESET empties it.
    """
    if not subject.ours:
        return ""
    ours = {node.address for node in subject.seen.nodes}
    left = {node.name for node in stranded(subject.seen)}
    chosen: dict[str, str] = {}
    for node in subject.seen.answering:
        me = node.myself
        lead = next((one for one in node.members if me and one.id == me.primary_id), None)
        if lead and (node.name in left or not (lead.lost or lead.address in ours)):
            chosen.setdefault(node.follows, node.name)
    return separate_cluster(tuple(chosen.values()), tuple(chosen)) if chosen else ""


def own_keys(node: NodeSeen) -> str:
    """What became of the keys that a node had before it followed a node of another cluster."""
    if node.link_up:
        return "its sync replaced the keys that it had"
    return f"no sync has succeeded, so it still has its own {node.keys} keys"
