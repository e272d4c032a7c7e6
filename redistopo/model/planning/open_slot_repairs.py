"""How slots that an interrupted move left open are settled; pure.

A node's own line of CLUSTER NODES alone says what it owns and which slots it has open: what it
knows of others may be out of date, since a node doesn't accept news about a slot that it imports.
"""

from collections.abc import Iterable, Mapping

from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSlotRepairs:
    """What settles the open slots, in this order.

    `stable` are slots to close without another owner, by node; `corrected` those that a node
    imports from an id that no longer owns them, with the present owner; `moves` those to move to
    the end, by source and target; `ownerless` have no owner, and are open at these nodes.
    """

    stable: Mapping[str, tuple[int, ...]]
    corrected: Mapping[str, tuple[tuple[int, str], ...]]
    moves: Mapping[tuple[str, str], tuple[int, ...]]
    ownerless: Mapping[int, tuple[str, ...]]

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that have a part in it."""
        pairs = [name for pair in self.moves for name in pair]
        claims = [name for names in self.ownerless.values() for name in names]
        return tuple(dict.fromkeys([*self.stable, *self.corrected, *pairs, *claims]))

    def __bool__(self) -> bool:
        return bool(self.nodes)


class _Found:
    """The repairs while they are collected."""

    def __init__(self, owners: Mapping[int, NodeSeen]) -> None:
        self.owners = owners
        self.stable: dict[str, set[int]] = {}
        self.corrected: dict[str, list[tuple[int, str]]] = {}
        self.moves: dict[tuple[str, str], set[int]] = {}
        self.ownerless: dict[int, list[str]] = {}
        self.moving: set[int] = set()

    def close(self, name: str, slots: Iterable[int]) -> None:
        self.stable.setdefault(name, set()).update(slots)

    def move(self, source: str, target: str, slot: int) -> None:
        """Move a slot to one target; a second one that imports it gets it in the next round."""
        if slot not in self.moving:
            self.moving.add(slot)
            self.moves.setdefault((source, target), set()).add(slot)

    def imports(self, node: NodeSeen, slot: int, other: str) -> None:
        owner = self.owners.get(slot)
        if owner is None:
            self.ownerless.setdefault(slot, []).append(node.name)
        elif owner is node:
            self.close(node.name, [slot])
        else:
            if other != owner.id:
                self.corrected.setdefault(node.name, []).append((slot, owner.id))
            self.move(owner.name, node.name, slot)

    def migrates(self, node: NodeSeen, slot: int, target: NodeSeen | None) -> None:
        if self.owners.get(slot) is not node or target is None or target is node:
            self.close(node.name, [slot])
        else:
            self.move(node.name, target.name, slot)


def open_slot_repairs(seen: Observed) -> OpenSlotRepairs:
    """Return what settles the slots that nodes have open."""
    primaries = [node for node in seen.answering if node.myself and not node.myself.replica]
    found = _Found(owners_by_slot(primaries))
    for node in primaries:
        for slot, other in _open(node, "importing from"):
            found.imports(node, slot, other)
    for node in primaries:
        for slot, other in _open(node, "migrating to"):
            found.migrates(node, slot, _primary_of(seen, other))
    for name, slots in _only_on_replicas(seen, primaries).items():
        found.close(name, slots)
    return OpenSlotRepairs(
        stable={name: tuple(sorted(some)) for name, some in found.stable.items()},
        corrected={name: tuple(some) for name, some in found.corrected.items()},
        moves={pair: tuple(sorted(some)) for pair, some in found.moves.items()},
        ownerless={slot: tuple(names) for slot, names in found.ownerless.items()},
    )


def _open(node: NodeSeen, move: str) -> list[tuple[int, str]]:
    me = node.myself
    return [(one.slot, one.node) for one in me.open_slots if one.move == move] if me else []


def owners_by_slot(primaries: Iterable[NodeSeen]) -> dict[int, NodeSeen]:
    """Return each slot's owner; of two that claim it, the one with the higher epoch, which wins."""
    found: dict[int, NodeSeen] = {}
    for node in sorted(primaries, key=lambda one: one.myself.epoch if one.myself else 0):
        for some in node.myself.slots if node.myself else ():
            found |= dict.fromkeys(range(some.first, some.last + 1), node)
    return found


def _primary_of(seen: Observed, node_id: str) -> NodeSeen | None:
    """The present primary of the shard that a node was primary of."""
    node = next((one for one in seen.answering if one.id == node_id), None)
    me = node.myself if node else None
    if me is not None and me.replica:
        return next((one for one in seen.answering if one.id == me.primary_id), None)
    return node


def _only_on_replicas(seen: Observed, primaries: list[NodeSeen]) -> dict[str, list[int]]:
    """Primary -> slots that only a replica of it has open: a replica takes SETSLOT from its primary
    alone, and one that was down keeps those of its file (since Valkey 8.0)."""
    found: dict[str, list[int]] = {}
    for node in seen.answering:
        me = node.myself
        if me is None or not me.replica or not me.open_slots:
            continue
        primary = next((one for one in primaries if one.id == me.primary_id), None)
        if primary is not None and primary.myself and not primary.myself.open_slots:
            found.setdefault(primary.name, []).extend(one.slot for one in me.open_slots)
    return found
