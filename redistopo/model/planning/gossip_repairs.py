"""What nodes of a cluster were told wrongly, and no gossip takes back; pure.

After an exchange of addresses, a running node takes what replies at a known address for the node
that it knows there (cluster_legacy.c, getNodeFromLinkAndMsg).
"""

from collections.abc import Iterable, Mapping

from redistopo.model.planning.step import Step, StepKind
from redistopo.model.state.config_epochs import raisable_epochs
from redistopo.model.state.observed import NodeSeen, Observed


def gossip_repairs(seen: Observed) -> Iterable[Step]:
    """Yield a step for each primary with a stale config epoch, since any other claim would take
    its slots (clusterUpdateSlotsConfigWith), and for each replica that copies another node than
    its primary: it learned that one's address from others, and follows the former one
    (clusterProcessGossipSection)."""
    for name, (own, higher, other) in raisable_epochs(seen).items():
        why = f"{other} knows it with epoch {higher}, not {own}"
        yield Step(do=StepKind.EPOCH, nodes=(name,), cause=why)
    known = {node.id: node.address for node in seen.answering}
    for node in seen.answering:
        address = _primary_address(node, known)
        if address and node.follows not in ("", ":", address):
            why = f"it copies {node.follows}, but its primary is {address}"
            yield Step(do=StepKind.FOLLOW, nodes=(node.name,), cause=why)


def _primary_address(node: NodeSeen, known: Mapping[str, str]) -> str:
    """Where its primary is, as that one itself replies, and by the replica's own table; "" for a
    primary, or if it isn't linked."""
    me = node.myself
    wanted = me.primary_id if me and me.replica else ""
    found = (one.address for one in node.members if one.id == wanted and one.linked)
    return next((address for address in found if known.get(wanted) == address), "")
