"""Which nodes may have a copy of data, for the proof that no other copy exists."""

from collections.abc import Iterable

from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.protocol.slots import SLOT_COUNT, unassigned_slots
from redistopo.model.remedies.no_other_copy import CopySeen, NoOtherCopy, Place, no_other_copy
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.shards import shards_of


def copy_of(node: NodeSeen) -> CopySeen:
    """Return whether a node may have data: live if it replies, otherwise on disk."""
    if node.answers:
        return CopySeen(node=node.name, place=Place.RUNNING, may_exist=node.keys > 0)
    if node.running or node.disk is None:
        return CopySeen(node=node.name, place=Place.UNREAD, may_exist=True)
    return CopySeen(node=node.name, place=Place.STOPPED, may_exist=node.disk.has_data)


def no_copy_in(data: str, nodes: Iterable[NodeSeen]) -> NoOtherCopy | None:
    """Return the proof that none of these nodes has a copy of the data; None if one may."""
    return no_other_copy(data, map(copy_of, nodes))


def all_slots_led(seen: Observed) -> NoOtherCopy | None:
    """Return the proof that every slot has a primary that replies, so that no keys of a slot
    without one can be anywhere; None if a slot has none."""
    led = (shard.slots for shard in shards_of(seen) if shard.primary)
    open_ones = bool(unassigned_slots(led, SLOT_COUNT))
    looked = CopySeen(node="the shards", place=Place.RUNNING, may_exist=open_ones)
    return no_other_copy("slots without a primary", [looked])


def stranger_needless(seen: Observed, stranger: ClusterNodesLine) -> NoOtherCopy | None:
    """Return the proof that a node outside the topology has no data that this cluster lacks: it
    owns no slot, and each slot has a primary that replies; None if it may have."""
    owns = CopySeen(node=stranger.address, place=Place.RUNNING, may_exist=bool(stranger.slots))
    led = all_slots_led(seen)
    return no_other_copy(f"keys of {stranger.address}", [owns, *led.looked]) if led else None
