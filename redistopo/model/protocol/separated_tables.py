"""The nodes.conf files of a cluster that was merged with another one, without the other's nodes."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from hashlib import sha1

from redistopo.model.protocol.nodes_conf import (
    NodesConf,
    NodesConfEntry,
    format_nodes_conf,
    latest_nodes_conf,
    parse_nodes_conf,
)
from redistopo.model.protocol.slots import SlotRange, slots_in_both
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StrayShard:
    """Nodes that follow a primary outside the topology, its address, "" if that is lost, and the
    slots it took."""

    owner: str
    slots: tuple[SlotRange, ...]
    addresses: tuple[str, ...]


def stray_shards(tables: Mapping[str, str]) -> tuple[StrayShard, ...]:
    """Find the shards that lost their slots to a node that none of `tables` (address -> text, of
    all nodes) is of. Ids decide, since addresses may have changed; but an owner at the address of
    one of `tables` is no other cluster's: that node was reset."""
    read = _read(tables)
    newest = latest_nodes_conf(read.values())
    ours = {me.id for at, table in read.items() if (me := table.at(at))}
    followers: dict[str, list[str]] = {}
    for address, table in read.items():
        me = table.at(address)
        lead = next((one for one in table.entries if me and one.id == me.primary), None)
        if lead is not None and lead.id not in ours and lead.address not in tables:
            followers.setdefault(lead.id, []).append(address)
    owners = {one.id: one for one in newest.entries} if newest else {}
    return tuple(
        StrayShard(
            owner="" if (entry := owners.get(one)) is None or entry.lost else entry.address,
            slots=entry.ranges if entry else (),
            addresses=tuple(followers[one]),
        )
        for one in followers
    )


def _read(tables: Mapping[str, str]) -> dict[str, NodesConf]:
    found = {at: parse_nodes_conf(text, at) for at, text in tables.items()}
    return {at: table for at, table in found.items() if table is not None}


def separated(
    tables: Mapping[str, str], shards: Iterable[StrayShard], leads: Collection[str]
) -> dict[str, str]:
    """Write all files anew (address -> text): one of `leads` is primary of each stray shard's
    slots, its other nodes follow it. Empty if the files don't agree on one owner of each slot.

    Each node's line is from its own file, which it saves before it announces a change. The epochs
    begin at 1 again: nodes of the other cluster that still know these yield to a higher epoch than
    their own, and would then replace their data. All nodes get other ids: the other cluster, which
    may run, gives up a member that replies with an unknown one. A known one it would meet again
    (Valkey from 8.1 on, cluster_legacy.c, clusterSendPing with CLUSTERMSG_TYPE_MEET to a member
    from which no connection comes).
    """
    read = _read(tables)
    own = {at: entry for at, table in read.items() if (entry := table.at(at))}
    if own.keys() != tables.keys():
        return {}
    for shard in shards:
        lead = next((at for at in shard.addresses if at in leads), "")
        if not lead:
            return {}
        for at in shard.addresses:
            primary = own[lead].id if at != lead else "-"
            flags = ("myself", "master" if at == lead else "slave")
            own[at] = replace(own[at], flags=flags, primary=primary, slots=())
        own[lead] = replace(own[lead], slots=tuple(map(str, shard.slots)))
    owners = [one for one in own.values() if one.is_primary and one.slots]
    if any(slots_in_both(a.ranges, b.ranges) for a in owners for b in owners if a is not b):
        return {}
    epochs = {one.id: number for number, one in enumerate(owners, start=1)}
    lines = {
        at: replace(one, epoch=epochs.get(one.id, epochs.get(one.primary, 0)))
        for at, one in own.items()
    }
    epoch = max(table.epoch for table in read.values())
    return {at: _renamed(_text(at, lines, epoch), own.values()) for at in tables}


def _text(address: str, lines: Mapping[str, NodesConfEntry], epoch: int) -> str:
    others = (one for at, one in lines.items() if at != address)
    return format_nodes_conf(lines[address], others, epoch)


def _renamed(text: str, nodes: Iterable[NodesConfEntry]) -> str:
    """The same with another id of each node, which the old one determines."""
    for one in nodes:
        text = text.replace(one.id, sha1(one.id.encode(), usedforsecurity=False).hexdigest())
    return text
