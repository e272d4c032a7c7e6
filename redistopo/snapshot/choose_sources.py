"""Which node of each shard saves a snapshot; pure."""

from redistopo.errors import RedistopoError
from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The node that saves a shard, and the shard's primary; both are the same without a replica
    that is online."""

    number: int
    node: NodeSeen
    primary: NodeSeen
    slots: tuple[SlotRange, ...]


def choose_sources(seen: Observed) -> tuple[Source, ...]:
    """Choose a replica of each shard that is online, the one with the highest offset, otherwise
    the primary; shards of a cluster without slots have no data.

    Raises RedistopoError if a shard has no primary, slots have no owner, or are being moved: their
    keys are on both sides.
    """
    shards = [one for one in shards_of(seen) if one.slots or seen.shape is not Shape.CLUSTER]
    covered = sum(len(span) for one in shards for span in one.slots)
    if not shards or (seen.shape is Shape.CLUSTER and covered != SLOT_COUNT):
        raise _incomplete(f"{covered} of {SLOT_COUNT} slots are served" if shards else "")
    if len(shards) > 1 and seen.shape is not Shape.CLUSTER:
        raise _incomplete("several nodes are primary, or a replica follows none")
    moving = [one.name for one in seen.answering if one.myself and one.myself.open_slots]
    if moving:
        raise _incomplete(f"slots are being moved, according to {', '.join(moving)}")
    return tuple(_source(number, one) for number, one in enumerate(shards, start=1))


def _source(number: int, shard: ShardSeen) -> Source:
    primary = shard.primary
    if primary is None:
        names = ", ".join(one.name for one in shard.replicas)
        raise _incomplete(f"the primary of {names} doesn't reply")
    online = [one for one in shard.replicas if one.link_up and not _loading(one)]
    best = max(online, key=lambda one: one.offset, default=primary)
    return Source(number=number, node=best, primary=primary, slots=shard.slots)


def _loading(node: NodeSeen) -> bool:
    syncs = node.info.get("master_sync_in_progress", "0")
    return syncs != "0" or node.info.get("loading", "0") != "0"


def _incomplete(why: str) -> RedistopoError:
    return RedistopoError(
        "a snapshot needs all of the data, and some can't be read now",
        detail=why,
        hint="repair it: redistopo up",
    )
