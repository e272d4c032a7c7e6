"""Why a topology may not grow or shrink now; pure."""

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.resizing import leaving_nodes
from redistopo.model.planning.room import dataset_bytes, megabytes
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.shards import shards_of
from redistopo.model.topology.spec import Topology


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


def refuse_fewer_shards(plan: Plan, seen: Observed) -> None:
    """Raise RedistopoError if the nodes that keep the data of a removed shard have too low a
    maxmemory. `plan` is that of the edited file, before anything is removed."""
    primaries = [shard.primary for shard in shards_of(seen) if shard.primary]
    gone = {*leaving_nodes(plan, seen).nodes}
    moving = sum(dataset_bytes(node) for node in primaries if node.name in gone)
    stay = [node for node in primaries if node.name not in gone]
    limits = [int(node.info.get("maxmemory", 0)) for node in stay]
    left = sum(max(0, most - _whole(node)) for most, node in zip(limits, stay, strict=True))
    if moving and all(limits) and moving > left:
        count = plan.topology.shards + len(primaries) - len(stay)
        raise RedistopoError(
            f"the data of {count} shards doesn't fit into {len(stay)}; nothing was changed",
            detail=f"{megabytes(moving)} would move, and the other shards have {megabytes(left)} "
            "left below their maxmemory",
            hint=f"with shards = {count} in {plan.layout.topology.name}, raise the limit: "
            "redistopo set maxmemory SIZE",
        )


def _whole(node: NodeSeen) -> int:
    """What counts against maxmemory: buffers and tables too, not only keys and values."""
    return int(node.info.get("used_memory", 0))
