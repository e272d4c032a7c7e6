"""Whether machines have room for nodes that are added to a formed topology, and for keys that move
between its shards; pure."""

from collections import Counter
from collections.abc import Collection, Mapping

from redistopo.errors import MissingPrerequisite
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.record import TopologyState
from redistopo.model.state.shards import shards_of
from redistopo.model.topology.spec import Persistence
from redistopo.quick_dataclass import dataclass

SPARE_BYTES = 1 << 20
"""What a move of slots needs of each disk, besides its keys: every node writes its nodes.conf again
and again, and exits when it can't (cluster_legacy.c, clusterSaveConfigOrDie)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Bytes of memory and disk that new nodes of a machine can use; None if unknown."""

    memory: int | None = None
    disk: int | None = None


def added_nodes(plan: Plan, record: TopologyState | None) -> tuple[NodePlan, ...]:
    """Return the data nodes of a formed topology that it doesn't have yet."""
    if record is None or not record.formed:
        return ()
    known = {*record.names}
    return tuple(node for node in plan.data if node.name not in known)


def refuse_little_room(
    plan: Plan, added: Collection[str], seen: Observed, rooms: Mapping[str, Room]
) -> None:
    """Raise MissingPrerequisite if a machine has too little memory or disk for the nodes that are
    added there; `rooms` are those of the machines, by name ("" for this one)."""
    primaries = (node for node in seen.answering if node.role is Role.PRIMARY)
    largest = max(map(dataset_bytes, primaries), default=0)
    counts = Counter(node.machine for node in plan.data if node.name in added)
    for machine, count in counts.items():
        room, needed = rooms.get(machine, Room()), largest * count
        for what, free in (("memory", room.memory), ("disk", room.disk)):
            if free is not None and needed > free:
                raise MissingPrerequisite(
                    f"{_place(plan, machine)} has too little {what} for {count} more "
                    f"{'node' if count == 1 else 'nodes'}; nothing was changed",
                    detail=f"{megabytes(needed)} are needed, as much as the largest primary has "
                    f"for each; {megabytes(free)} are free",
                    hint="free some, or add fewer nodes",
                )


def refuse_little_room_to_move(
    plan: Plan, moved: Mapping[tuple[str, str], int], seen: Observed, rooms: Mapping[str, Room]
) -> None:
    """Raise MissingPrerequisite if a machine has too little memory or disk for slots that move:
    `moved` has the bytes by source and target, whose replicas get, or delete, them as well. Adopted
    servers may run on machines that nothing is known of."""
    if plan.topology.adopted:
        return
    at = {node.name: node.machine for node in plan.nodes}
    nodes = {one.primary.name: one.nodes for one in shards_of(seen) if one.primary}
    kept = plan.topology.persistence is not Persistence.NONE
    memory: Counter[str] = Counter()
    disk = Counter(dict.fromkeys(rooms, SPARE_BYTES))
    for (source, target), size in moved.items():
        for node in nodes[source]:
            memory[at[node.name]] -= size
        for node in nodes[target]:
            memory[at[node.name]] += size
            disk[at[node.name]] += size if kept else 0
    for machine, room in rooms.items():
        for what, needed, free in (
            ("memory", memory[machine], room.memory),
            ("disk", disk[machine], room.disk),
        ):
            if free is not None and needed > free:
                raise MissingPrerequisite(
                    f"{_place(plan, machine)} has too little {what}: nothing was moved",
                    detail=f"{megabytes(needed)} are needed; {megabytes(free)} are free",
                    hint="free some, or move fewer slots",
                )


def _place(plan: Plan, machine: str) -> str:
    if not machine or plan.topology.hosts is None:
        return "this machine"
    return f"host {machine} ({plan.topology.hosts.machine(machine).address})"


def dataset_bytes(node: NodeSeen) -> int:
    """Return the bytes of a node's keys and values. An empty server reports a negative size, as
    2^64 less it (object.c, getMemoryOverheadData)."""
    size = int(node.info.get("used_memory_dataset", 0))
    return size if size < 1 << 63 else 0


def megabytes(size: int) -> str:
    """Format a number of bytes."""
    number = max(0, size) / (1 << 20)
    return f"{number:,.0f} MB" if number >= 10 else f"{number:.1f} MB"
