"""Whether machines have room for the data of nodes that are added to a formed topology; pure."""

from collections import Counter
from collections.abc import Collection, Mapping

from redistopo.errors import MissingPrerequisite
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.record import TopologyState
from redistopo.quick_dataclass import dataclass


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
    return f"{max(0, size) / (1 << 20):,.0f} MB"
