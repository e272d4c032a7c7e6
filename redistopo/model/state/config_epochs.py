"""Primaries whose config epoch is lower than another node knows it; pure."""

from collections.abc import Mapping

from redistopo.model.state.observed import NodeSeen, Observed

StaleEpochs = Mapping[str, tuple[int, int, str]]
"""Primary -> its config epoch, the higher one by which another node knows it, and that node."""


def stale_epochs(seen: Observed) -> StaleEpochs:
    """Return the primaries with slots whose config epoch others know as higher.

    That is so after an old nodes.conf was restored. And a node takes the epoch of whatever node
    replies at a known address for that of the node that it knows there, as after an exchange of
    addresses (cluster_legacy.c, getNodeFromLinkAndMsg). No gossip takes it back.
    """
    known: dict[str, tuple[int, str]] = {}
    for node in seen.answering:
        for member in node.members:
            if member.primary and not member.myself:
                known[member.id] = max(known.get(member.id, (0, "")), (member.epoch, node.name))
    found = {}
    for node in seen.answering:
        me = node.myself
        if me and me.primary and me.slots and known.get(me.id, (0, ""))[0] > me.epoch:
            found[node.name] = (me.epoch, *known[me.id])
    return found


def raisable_epochs(seen: Observed) -> StaleEpochs:
    """Return those of the stale epochs that can be raised: every node replies, and has the slots
    as that primary's. Otherwise it would take back slots from a newer owner."""
    if len(seen.answering) < len(seen.nodes):
        return {}
    named = {node.name: node for node in seen.answering}
    return {
        name: one
        for name, one in stale_epochs(seen).items()
        if all(_agrees(other, named[name]) for other in seen.answering)
    }


def _agrees(node: NodeSeen, owner: NodeSeen) -> bool:
    me = owner.myself
    return any(me and one.id == me.id and one.slots == me.slots for one in node.members)
