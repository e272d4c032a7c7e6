"""Compares snapshots by their place in one replication history; pure.

A snapshot has the replication id and the offset at which it was saved (rdb.c,
rdbSaveInfoAuxFields). With the same id, the one with the higher offset has everything that the
other has. The base of an append-only log has neither.
"""

from collections.abc import Iterator, Mapping

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.shard_copies import copy_on_disk, shard_members
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.sole_copies import SoleCopy
from redistopo.model.protocol.nodes_conf import latest_nodes_conf, parse_nodes_conf
from redistopo.model.state.data_copy import DataCopy
from redistopo.model.state.observed import NodeSeen


def latest_snapshot(lead: DataCopy, others: Mapping[str, DataCopy]) -> str:
    """Return the node whose snapshot has everything that the primary's has, and more, and that of
    every other node, too; "" if no node's can be shown to have it."""
    later = {name: one for name, one in others.items() if one.sound and lead.precedes(one)}
    best = max(later, key=lambda name: later[name].offset, default="")
    rest = (one for name, one in others.items() if name != best and one.sound)
    return best if best and all(one.precedes(later[best]) is not None for one in rest) else ""


def primary_by_snapshot(plan: Plan, now: Situation) -> str:
    """Return the node to use as primary of a replication whose nodes were killed, because its
    snapshot is later than that of the planned primary; "" for no change."""
    if plan.topology.clustered or not now.formed or any(map(_runs, now.seen.nodes)):
        return ""
    return next((best for _, best in _later(plan, now)), "")


def promoted_by_snapshot(plan: Plan, now: Situation) -> Iterator[SoleCopy]:
    """Yield the stopped replicas of a cluster whose snapshots are later than those of their
    primaries, which were killed."""
    if not plan.topology.clustered or not now.formed:
        return
    table = latest_nodes_conf(
        parse_nodes_conf(text, at) for at, text in now.seen.nodes_confs.items()
    )
    for lead, best in _later(plan, now):
        entry = table.at(lead.address) if table else None
        if entry:
            yield SoleCopy(name=best, primary=lead.name, slots=entry.ranges)


def _later(plan: Plan, now: Situation) -> Iterator[tuple[NodeSeen, str]]:
    """Each killed primary with the node that has a later snapshot, unless a node of theirs runs,
    or was stopped by redistopo: then its record tells what it had."""
    for shard in shard_members(plan, now.seen):
        nodes = (shard.primary, *shard.others)
        if any(map(_runs, nodes)) or any(node.on_disk.stopped for node in nodes):
            continue
        copies = {node.name: copy_on_disk(node, now) for node in nodes}
        if best := latest_snapshot(copies.pop(shard.primary.name), copies):
            yield shard.primary, best


def _runs(node: NodeSeen) -> bool:
    return node.running and not node.is_sentinel
