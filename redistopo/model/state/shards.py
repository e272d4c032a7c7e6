"""Shards, as the nodes of a snapshot report them; pure."""

from collections.abc import Iterable, Sequence

from redistopo.model.protocol.endpoint import split_address
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSeen:
    """A primary and its replicas as they report; `primary` is None if it didn't reply."""

    number: int
    primary: NodeSeen | None
    replicas: tuple[NodeSeen, ...]
    slots: tuple[SlotRange, ...] = ()

    @property
    def nodes(self) -> tuple[NodeSeen, ...]:
        return (*((self.primary,) if self.primary else ()), *self.replicas)

    def upstream(self, replica: NodeSeen) -> NodeSeen | None:
        """Return the source of a replica's data: the primary, or another replica in a chain."""
        others = () if replica.myself else self.replicas
        chained = (one for one in others if _follows(replica, one, self.nodes))
        return next(chained, self.primary)


def shards_of(seen: Observed) -> tuple[ShardSeen, ...]:
    """Derive the shards from the nodes' own reports, in the order of their slots.

    A node that doesn't reply is in no shard.
    """
    if seen.shape is Shape.CLUSTER:
        return _cluster_shards(seen)
    return _replication_shards(seen)


def _cluster_shards(seen: Observed) -> tuple[ShardSeen, ...]:
    replicas: dict[str, list[NodeSeen]] = {}
    primaries: dict[str, NodeSeen] = {}
    for node in seen.answering:
        me = node.myself
        if me is None:
            continue
        if me.replica:
            replicas.setdefault(me.primary_id, []).append(node)
        else:
            primaries[me.id] = node
    found = []
    for primary_id in {**dict.fromkeys(primaries), **dict.fromkeys(replicas)}:
        followers = tuple(replicas.get(primary_id, ()))
        primary = primaries.get(primary_id)
        me = primary.myself if primary else _named(primary_id, followers)
        found.append((me.slots if me else (), primary, followers))
    found.sort(key=lambda one: (not one[0], one[0], one[1].port if one[1] else 0))
    return tuple(
        ShardSeen(number=n, primary=primary, replicas=followers, slots=slots)
        for n, (slots, primary, followers) in enumerate(found, start=1)
    )


def _named(node_id: str, witnesses: Iterable[NodeSeen]) -> ClusterNodesLine | None:
    for witness in witnesses:
        for member in witness.members:
            if member.id == node_id:
                return member
    return None


def _replication_shards(seen: Observed) -> tuple[ShardSeen, ...]:
    primaries = [node for node in seen.answering if node.role is Role.PRIMARY]
    followers = [node for node in seen.answering if node.role is Role.REPLICA]
    shards: list[ShardSeen] = []
    claimed: set[str] = set()
    for primary in primaries:
        mine = [node for node in followers if _follows(node, primary, primaries)]
        for upper in mine:  # grows by the replicas of replicas
            below = [node for node in followers if _follows(node, upper, followers)]
            mine += [node for node in below if node not in mine]
        claimed |= {node.address for node in mine}
        shards.append(ShardSeen(number=len(shards) + 1, primary=primary, replicas=tuple(mine)))
    lost = tuple(node for node in followers if node.address not in claimed)
    if lost:
        shards.append(ShardSeen(number=len(shards) + 1, primary=None, replicas=lost))
    return tuple(shards)


def _follows(node: NodeSeen, primary: NodeSeen, among: Sequence[NodeSeen]) -> bool:
    """Match by address; only by port if a replica knows its primary by a host name."""
    if node.follows in {one.address for one in among}:
        return node.follows == primary.address
    ports = [one.port for one in among]
    host, port = split_address(node.follows)
    return bool(host) and port == str(primary.port) and ports.count(primary.port) == 1
