"""nodes.conf: parse it, and rebuild a node's file from another node's, with id and current role.

Redis refuses to start with a damaged file (cluster_legacy.c, clusterLoadConfig); with an
empty or missing one it starts as a new node with a new id, unknown to its own cluster.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from redistopo.model.protocol.endpoint import format_address, split_address
from redistopo.model.protocol.replies import slot_range
from redistopo.model.protocol.slots import SlotRange
from redistopo.quick_dataclass import dataclass

_HANDSHAKE = frozenset({"handshake", "noaddr"})
_ROLES = frozenset({"master", "slave"})
_PASSING = frozenset({"myself", "fail", "fail?", "noflags"})
_SHARD = re.compile(r"(?<=shard-id=)[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesConfEntry:
    """One line of a nodes.conf; `place` is the address with everything that engines append."""

    id: str
    place: str
    flags: tuple[str, ...]
    primary: str
    epoch: int
    slots: tuple[str, ...]

    @property
    def address(self) -> str:
        return format_address(*split_address(self.place.partition(",")[0].partition("@")[0]))

    @property
    def shard(self) -> str:
        found = _SHARD.search(self.place)
        return found[0] if found else ""

    @property
    def ranges(self) -> tuple[SlotRange, ...]:
        return tuple(slot_range(one) for one in self.slots)

    @property
    def is_primary(self) -> bool:
        return "master" in self.flags

    @property
    def lost(self) -> bool:
        """Whether its address is lost: another node replied there."""
        return "noaddr" in self.flags

    def __str__(self) -> str:
        flags = ",".join(self.flags) or "noflags"
        head = f"{self.id} {self.place} {flags} {self.primary} 0 0 {self.epoch} connected"
        return " ".join([head, *self.slots])


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesConf:
    """A complete nodes.conf, and the highest epoch known to its node."""

    entries: tuple[NodesConfEntry, ...]
    epoch: int

    @property
    def owned(self) -> int:
        """A number that grows with each change of slot owners known to the node."""
        return sum(one.epoch for one in self.entries if one.is_primary and one.slots)

    def at(self, address: str) -> NodesConfEntry | None:
        return next((one for one in self.entries if one.address == address), None)

    def shard_peers(self, address: str) -> tuple[str, ...]:
        """Return the addresses of its primary or replicas, which hold the same data."""
        me = self.at(address)
        if me is None:
            return ()
        wanted = {me.primary} if not me.is_primary else {one.id for one in self._followers(me)}
        return tuple(one.address for one in self.entries if one.id in wanted)

    def _followers(self, entry: NodesConfEntry) -> tuple[NodesConfEntry, ...]:
        return tuple(one for one in self.entries if one.primary == entry.id)

    def successor(self, entry: NodesConfEntry) -> NodesConfEntry | None:
        """Find the current primary of the shard of a former primary without slots: the one with
        the same shard id, or the fewest replicas, because it was promoted from a replica."""
        primaries = [
            one for one in self.entries if one.is_primary and one.slots and one is not entry
        ]
        same = [one for one in primaries if one.shard and one.shard == entry.shard]
        fewest = sorted(primaries, key=lambda one: len(self._followers(one)))
        return next(iter(same or fewest), None)


def parse_nodes_conf(text: str, address: str) -> NodesConf | None:
    """Parse the nodes.conf of the node at that address; None if it is damaged."""
    entries: list[NodesConfEntry] = []
    epoch = 0
    complete = False
    for line in text.splitlines():
        parts = line.split()
        if parts[:1] == ["vars"]:
            variables = dict(zip(parts[1::2], parts[2::2], strict=False))
            number = variables.get("currentEpoch", "")
            complete = number.isdecimal()
            epoch = int(number) if complete else 0
        elif parts:
            entry = _entry(parts, address)
            if entry is None:
                return None
            entries.append(entry)
    if not complete or sum("myself" in one.flags for one in entries) != 1:
        return None
    return NodesConf(entries=tuple(entries), epoch=epoch)


def _entry(parts: list[str], address: str) -> NodesConfEntry | None:
    if len(parts) < 8 or not re.fullmatch(r"[0-9a-f]{40}", parts[0]) or not parts[6].isdecimal():
        return None
    flags = tuple(parts[2].split(","))
    place = parts[1]
    if "myself" in flags:
        # a node that has never met another one doesn't know its own host
        place = address + place[place.find("@") :] if "@" in place else place
    # slots in migration are in a node's own line, and the reader would take them for its own
    slots = tuple(part for part in parts[8:] if not part.startswith("["))
    try:
        for one in slots:
            slot_range(one)
    except ValueError:
        return None
    return NodesConfEntry(
        id=parts[0],
        place=place,
        flags=flags,
        primary=parts[3],
        epoch=int(parts[6]),
        slots=slots,
    )


def latest_nodes_conf(tables: Iterable[NodesConf | None]) -> NodesConf | None:
    """Return the table with the highest epoch and its owner; of equal tables the first.

    A node learns of a new epoch from any ping, but of the new owner only from the owner
    itself: in between, its table has the new epoch and the old owners.
    """
    found = [table for table in tables if table is not None]
    return max(found, key=lambda table: (table.epoch, table.owned), default=None)


def rebuilt(tables: Mapping[str, str], address: str) -> str | None:
    """Rebuild the nodes.conf of the node at `address` from other nodes' files (address ->
    text); None if none of them is complete and contains it.

    The node keeps its id. If a replica took over in the meantime, it becomes its replica.
    """
    read = (parse_nodes_conf(text, other) for other, text in tables.items())
    source = latest_nodes_conf(table for table in read if table and table.at(address))
    me = source.at(address) if source else None
    if source is None or me is None:
        return None
    mine = replace(me, flags=("myself", *_lasting(me)))
    if me.is_primary and not me.slots and (successor := source.successor(me)):
        mine = replace(
            mine,
            flags=("myself", "slave"),
            primary=successor.id,
            epoch=successor.epoch,
        )
    return format_nodes_conf(mine, (one for one in source.entries if one is not me), source.epoch)


def promoted(tables: Mapping[str, str], address: str, slots: Iterable[SlotRange]) -> str | None:
    """Write the nodes.conf that makes the replica at `address` the primary of those slots, in a
    new, highest epoch, and its former primary its replica. None if no complete file has it."""
    read = [parse_nodes_conf(text, other) for other, text in tables.items()]
    source = latest_nodes_conf(table for table in read if table and table.at(address))
    own = parse_nodes_conf(tables.get(address, ""), address)
    me = source.at(address) if source else None
    if source is None or me is None:
        return None
    epoch = 1 + max(table.epoch for table in read if table)
    followed = {me.primary, mine.primary if own and (mine := own.at(address)) else ""}
    leading = replace(
        me,
        flags=("myself", "master", *(one for one in _lasting(me) if one not in _ROLES)),
        primary="-",
        epoch=epoch,
        slots=tuple(map(str, slots)),
    )
    others = (
        replace(one, flags=("slave",), primary=me.id, slots=()) if one.id in followed else one
        for one in source.entries
        if one is not me
    )
    return format_nodes_conf(leading, others, epoch)


def format_nodes_conf(mine: NodesConfEntry, others: Iterable[NodesConfEntry], epoch: int) -> str:
    """Write a node's file from its own line and those of the others.

    Each replica gets the shard id of its primary: a server may have saved another one after the
    replica changed its shard, and before Valkey 8.0.6 and 8.1.4 refuses such a file as damaged
    (cluster_legacy.c, clusterLoadConfig).
    """
    kept = (replace(one, flags=_lasting(one)) for one in others if not _HANDSHAKE & set(one.flags))
    entries = [mine, *kept]
    shards = {one.id: one.shard for one in entries}
    lines = (_in_shard(one, shards.get(one.primary, "")) for one in entries)
    # it may have voted in any epoch up to this one, and must not vote twice
    closing = f"vars currentEpoch {epoch} lastVoteEpoch {epoch}"
    return "\n".join([*map(str, lines), closing, ""])


def _in_shard(entry: NodesConfEntry, shard: str) -> NodesConfEntry:
    return replace(entry, place=_SHARD.sub(shard, entry.place)) if shard else entry


def _lasting(entry: NodesConfEntry) -> tuple[str, ...]:
    return tuple(flag for flag in entry.flags if flag not in _PASSING)
