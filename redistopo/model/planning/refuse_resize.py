"""Why a topology may not grow or shrink now; pure."""

from typing import TYPE_CHECKING

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.former_numbers import former_numbers
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.resizing import leaving_nodes
from redistopo.model.planning.room import dataset_bytes, megabytes
from redistopo.model.planning.upgrade import upgrade_command
from redistopo.model.protocol.engine import Engine
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.shards import shards_of
from redistopo.model.topology.spec import Topology

if TYPE_CHECKING:
    from redistopo.model.planning.proposal import Proposal


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


def refuse_other_engine(it: "Proposal") -> None:
    """Raise UsageError if nodes that an edit of the file adds would run another engine than the
    others: keys move to it, and can't move back."""
    plan, seen = it.plan, it.now.seen
    others = other_engines(seen, plan.engine)
    if it.now.record is None or not it.now.added or not others:
        return
    source, asked = plan.layout.topology.name, plan.topology
    names = {*it.now.record.names} - {*it.now.added}
    was = former_numbers(asked, names, seen)
    back = " and ".join(f"{name} = {value}" for name, value in was.items())
    words = (f"--{name} {getattr(asked, name)}" for name in was if name != "quorum")
    raise UsageError(
        f"new nodes would run {plan.engine.title}, and the others run {others}; "
        "nothing was changed",
        detail=f"chosen: {plan.engine.path} ({plan.engine_why})",
        hint=f"set {back or 'the former numbers of nodes'} in {source} again, then "
        f"{upgrade_command(seen, asked.engine)}, then redistopo scale {' '.join(words)}",
    )


def other_engines(seen: Observed, engine: Engine) -> str:
    """Name what data nodes run that isn't this engine; "" for nothing."""
    running = {node.engine for node in seen.answering if node.role is not Role.SENTINEL}
    return " and ".join(sorted(filter(None, running - {engine.title})))


def _whole(node: NodeSeen) -> int:
    """What counts against maxmemory: buffers and tables too, not only keys and values."""
    return int(node.info.get("used_memory", 0))
