"""Why a topology may not grow or shrink now; pure."""

from dataclasses import dataclass

from redistopo.errors import MissingPrerequisite, RedistopoError, UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.resizing import leaving_nodes
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.shards import shards_of
from redistopo.model.topology.spec import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Bytes of memory and disk that new nodes can use; None if unknown."""

    memory: int | None = None
    disk: int | None = None


def refuse_directions(was: Topology, asked: Topology) -> None:
    """Raise UsageError for more shards with fewer replicas, or the reverse: a node would have to
    leave one shard to join another."""
    shards, replicas = asked.shards - was.shards, asked.replicas - was.replicas
    if shards * replicas < 0:
        first, then = ("shards", "replicas") if shards > 0 else ("replicas", "shards")
        values = {"shards": asked.shards, "replicas": asked.replicas}
        raise UsageError(
            f"more {first} and fewer {then} are two changes; nothing was changed",
            hint=f"redistopo scale --{first} {values[first]}, then "
            f"redistopo scale --{then} {values[then]}",
        )


def refuse_without_room(plan: Plan, seen: Observed, room: Room) -> None:
    """Raise RedistopoError if the new nodes, or those that keep the data of a removed shard, would
    have too little memory or disk. `plan` is that of the edited file, before anything is removed.
    """
    primaries = [shard.primary for shard in shards_of(seen) if shard.primary]
    largest = max((dataset_bytes(node) for node in primaries), default=0)
    known = {node.name for node in seen.nodes}
    new = [node for node in plan.data if node.name not in known]
    needed = largest * len(new)
    for what, free in (("memory", room.memory), ("disk", room.disk)):
        if free is not None and needed > free:
            raise MissingPrerequisite(
                f"this machine has too little {what} for {len(new)} more nodes; nothing was "
                "changed",
                detail=f"{_mb(needed)} are needed, as much as the largest primary has for each; "
                f"{_mb(free)} are free",
                hint="free some, or add fewer nodes",
            )
    gone = {*leaving_nodes(plan, seen).nodes}
    moving = sum(dataset_bytes(node) for node in primaries if node.name in gone)
    stay = [node for node in primaries if node.name not in gone]
    limits = [int(node.info.get("maxmemory", 0)) for node in stay]
    left = sum(max(0, most - _whole(node)) for most, node in zip(limits, stay, strict=True))
    if moving and all(limits) and moving > left:
        raise RedistopoError(
            f"the data of {plan.topology.shards + len(primaries) - len(stay)} shards doesn't fit "
            f"into {len(stay)}; nothing was changed",
            detail=f"{_mb(moving)} would move, and the other shards have {_mb(left)} left below "
            "their maxmemory",
            hint="raise the limit: redistopo set maxmemory SIZE",
        )


def dataset_bytes(node: NodeSeen) -> int:
    """Return the bytes of a node's keys and values. An empty server reports a negative size, as
    2^64 less it (object.c, getMemoryOverheadData)."""
    size = int(node.info.get("used_memory_dataset", 0))
    return size if size < 1 << 63 else 0


def _whole(node: NodeSeen) -> int:
    """What counts against maxmemory: buffers and tables too, not only keys and values."""
    return int(node.info.get("used_memory", 0))


def _mb(size: int) -> str:
    return f"{max(0, size) / (1 << 20):,.0f} MB"
