"""Why slots may not be moved now, or where to; pure."""

from collections.abc import Iterable, Mapping, Sequence

from redistopo.errors import RedistopoError, Unhealthy, UsageError
from redistopo.model.planning.move_method import MoveMethod
from redistopo.model.planning.slot_moves import slots_of
from redistopo.model.planning.slot_survey import BigKey, SlotSurvey
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.job import SlotMove
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.selector import select_nodes
from redistopo.model.state.shards import shards_of
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass


def refuse_shape(shape: Shape) -> None:
    """Raise UsageError unless the topology is a cluster."""
    if shape is not Shape.CLUSTER:
        raise UsageError(
            f"shape {shape} has no slots to move",
            hint='only nodes of a shape = "cluster" share the keys by slots',
        )


def owners_of(seen: Observed) -> Mapping[str, tuple[SlotRange, ...]]:
    """Return the slots of each primary; raises Unhealthy if one doesn't reply."""
    found: dict[str, tuple[SlotRange, ...]] = {}
    for shard in shards_of(seen):
        if shard.primary is None:
            names = ", ".join(node.name for node in shard.replicas)
            raise Unhealthy(f"the primary of {names} doesn't reply", hint="redistopo up")
        found[shard.primary.name] = shard.slots
    return found


def primaries_of(seen: Observed, words: Sequence[str]) -> tuple[str, ...]:
    """Return the primaries of the shards that selectors mean; raises UsageError for none."""
    meant = {node.name for node in select_nodes(seen, words)}
    return tuple(
        shard.primary.name
        for shard in shards_of(seen)
        if shard.primary and any(node.name in meant for node in shard.nodes)
    )


def one_primary_of(seen: Observed, word: str) -> str:
    """Return the primary of the one shard that a selector means; raises UsageError otherwise."""
    found = primaries_of(seen, (word,))
    if len(found) != 1:
        raise UsageError(
            f"{word} means {len(found)} shards, one is required",
            hint=f"name one shard: {', '.join(f'shard:{n}' for n in range(1, len(found) + 1))}",
        )
    return found[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockingKey:
    """A key whose move blocks both servers, and for how long at most."""

    key: BigKey
    seconds: float

    def __str__(self) -> str:
        size = self.key.bytes / (1 << 20)
        name = ascii(self.key.key.decode(errors="replace"))
        return f"{name} in slot {self.key.slot}: {size:,.0f} MB, {self.seconds:.1f} s"


def blocking_keys(survey: SlotSurvey, method: MoveMethod) -> tuple[BlockingKey, ...]:
    """Return the big keys, the biggest first, with the time that each may block."""
    rate = method.blocking_bytes_per_second
    found = (BlockingKey(key=one, seconds=one.bytes / rate) for one in survey.big)
    return tuple(sorted(found, key=lambda one: -one.seconds))


def refuse_blocking(keys: Sequence[BlockingKey], node_timeout: float, *, allowed: bool) -> None:
    """Raise RedistopoError if a key would block for more than half the node timeout (seconds)
    without consent: then the others may have the server as failed, and promote a replica."""
    long = [one for one in keys if one.seconds > node_timeout / 2]
    if long and not allowed:
        raise RedistopoError(
            f"moving {len(long)} of the keys may block for more than half the node timeout "
            f"({node_timeout:g} s): nothing was moved",
            detail="\n".join(map(str, long[:5])),
            hint="the same command with --allow-blocking moves them; or set a longer "
            "cluster-node-timeout before, or split these keys",
        )


def refuse_full(
    moves: Iterable[SlotMove], survey: SlotSurvey, targets: Mapping[str, NodeSeen]
) -> None:
    """Raise RedistopoError if a target's maxmemory is too low for what moves to it."""
    coming: dict[str, int] = {}
    for one in moves:
        size = survey.bytes_in(slots_of(one.slots))
        coming[one.target] = coming.get(one.target, 0) + size
    for name, size in coming.items():
        info = targets[name].info
        most, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
        if most and used + size > most:
            raise RedistopoError(
                f"{name} has too little memory: nothing was moved",
                detail=f"maxmemory {most:,}, used {used:,}, to be moved {size:,} bytes",
                hint="raise its limit: redistopo set maxmemory SIZE; or move fewer slots",
            )
