"""A node's nodes.conf made anew from another node's: the same id, the role it has now.

Redis reads the file at its start and refuses one that is damaged (cluster_legacy.c,
clusterLoadConfig); an empty or missing one it takes for a new node, which would come
back as a stranger to its own cluster.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from redistopo.model.protocol.endpoint import format_address, split_address
from redistopo.model.protocol.replies import slot_range
from redistopo.model.protocol.slots import SlotRange

_HANDSHAKE = frozenset({"handshake", "noaddr"})
_ROLES = frozenset({"master", "slave"})
_PASSING = frozenset({"myself", "fail", "fail?", "noflags"})
_SHARD = re.compile(r"(?<=shard-id=)[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesConfEntry:
    """One line of a nodes.conf; `place` is the address with all that engines append to it."""

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
    def leads(self) -> bool:
        return "master" in self.flags

    def __str__(self) -> str:
        flags = ",".join(self.flags) or "noflags"
        head = f"{self.id} {self.place} {flags} {self.primary} 0 0 {self.epoch} connected"
        return " ".join([head, *self.slots])


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesConf:
    """A whole nodes.conf, and the highest epoch that its node had heard of."""

    entries: tuple[NodesConfEntry, ...]
    epoch: int

    @property
    def owned(self) -> int:
        """Grows with each change of owners that the node has heard of."""
        return sum(one.epoch for one in self.entries if one.leads and one.slots)

    def at(self, address: str) -> NodesConfEntry | None:
        return next((one for one in self.entries if one.address == address), None)

    def kin(self, address: str) -> tuple[str, ...]:
        """Addresses of the nodes with the same data: of its primary, or of its replicas."""
        me = self.at(address)
        if me is None:
            return ()
        wanted = {me.primary} if not me.leads else {one.id for one in self._followers(me)}
        return tuple(one.address for one in self.entries if one.id in wanted)

    def _followers(self, entry: NodesConfEntry) -> tuple[NodesConfEntry, ...]:
        return tuple(one for one in self.entries if one.primary == entry.id)

    def heir(self, entry: NodesConfEntry) -> NodesConfEntry | None:
        """Who leads the shard that a primary without slots had: a primary of the same shard
        id, or else the one with the fewest replicas, for the heir was a replica itself."""
        leaders = [one for one in self.entries if one.leads and one.slots and one is not entry]
        same = [one for one in leaders if one.shard and one.shard == entry.shard]
        fewest = sorted(leaders, key=lambda one: len(self._followers(one)))
        return next(iter(same or fewest), None)


def parse_nodes_conf(text: str, address: str) -> NodesConf | None:
    """The table in a nodes.conf of the node at that address; None where it is damaged."""
    entries: list[NodesConfEntry] = []
    epoch = 0
    whole = False
    for line in text.splitlines():
        parts = line.split()
        if parts[:1] == ["vars"]:
            said = dict(zip(parts[1::2], parts[2::2], strict=False))
            number = said.get("currentEpoch", "")
            whole = number.isdigit()
            epoch = int(number) if whole else 0
        elif parts:
            entry = _entry(parts, address)
            if entry is None:
                return None
            entries.append(entry)
    if not whole or sum("myself" in one.flags for one in entries) != 1:
        return None
    return NodesConf(entries=tuple(entries), epoch=epoch)


def _entry(parts: list[str], address: str) -> NodesConfEntry | None:
    if len(parts) < 8 or not re.fullmatch(r"[0-9a-f]{40}", parts[0]) or not parts[6].isdigit():
        return None
    flags = tuple(parts[2].split(","))
    place = parts[1]
    if "myself" in flags:
        # a node that has never been met doesn't know its own host
        place = address + place[place.find("@") :] if "@" in place else place
    # half-migrated slots stand in a node's own line, and would be taken for the reader's
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
    """The one that has heard of the highest epoch, and of whose it is; of equal ones the first.

    A node hears of a new epoch from anybody's ping, but of the new owner only from the owner
    itself: in between its table bears the epoch and the old owners.
    """
    found = [table for table in tables if table is not None]
    return max(found, key=lambda table: (table.epoch, table.owned), default=None)


def rebuilt(tables: Mapping[str, str], address: str) -> str | None:
    """The nodes.conf for the node at `address` by what other nodes' files say (address ->
    text); None where none of them is whole and knows it.

    The node keeps its id. Where a replica took over meanwhile, it is that one's replica.
    """
    read = (parse_nodes_conf(text, other) for other, text in tables.items())
    source = latest_nodes_conf(table for table in read if table and table.at(address))
    me = source.at(address) if source else None
    if source is None or me is None:
        return None
    mine = replace(me, flags=("myself", *_lasting(me)))
    if me.leads and not me.slots and (heir := source.heir(me)):
        mine = replace(
            mine,
            flags=("myself", "slave"),
            primary=heir.id,
            epoch=heir.epoch,
            place=_SHARD.sub(heir.shard, me.place) if heir.shard else me.place,
        )
    return _text(mine, (one for one in source.entries if one is not me), source.epoch)


def promoted(tables: Mapping[str, str], address: str, slots: Iterable[SlotRange]) -> str | None:
    """The nodes.conf by which the replica at `address` leads those slots, in a new epoch that is
    above all others; whom it followed follows it. None where no file is whole and knows it."""
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
    return _text(leading, others, epoch)


def _text(mine: NodesConfEntry, others: Iterable[NodesConfEntry], epoch: int) -> str:
    kept = (replace(one, flags=_lasting(one)) for one in others if not _HANDSHAKE & set(one.flags))
    # it may have voted in each epoch up to this one, and must not vote twice
    closing = f"vars currentEpoch {epoch} lastVoteEpoch {epoch}"
    return "\n".join([str(mine), *map(str, kept), closing, ""])


def _lasting(entry: NodesConfEntry) -> tuple[str, ...]:
    return tuple(flag for flag in entry.flags if flag not in _PASSING)
