"""The effects of a CLUSTER RESET, whether other nodes have the data, and what precedes it; pure.

Redis (commands CLUSTER RESET and CLUSTER FORGET; clusterReset in cluster_legacy.c): the node
forgets all others and all slots, a replica becomes an empty primary, and `HARD` gives it a new
id. A primary with keys refuses. The others still know its id and slots, and their state stays
ok, because it still replies to their pings.
"""

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.handover import plan_handover, unfit_reason
from redistopo.model.planning.plan_rejoin import reset_nodes
from redistopo.model.planning.promotability import shard_of
from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.model.remedies.of_topology import start_over
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.shards import ShardSeen
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReset:
    """The state of a node before its reset.

    `heir` is the replica that is promoted first ("" for none); `lost` describes data that no
    other node has ("" for none), and `instead` how to save it; `alike` is a node with at least as
    many keys but no replication between the two, so that they may differ; `already` is whether
    the node is already reset.
    """

    name: str
    id: str
    hard: bool
    role: Role
    shard: int
    slots: str
    keys: int
    replicas: tuple[str, ...]
    heir: str = ""
    lost: str = ""
    instead: str = ""
    alike: str = ""
    already: bool = False

    @property
    def sentences(self) -> tuple[str, ...]:
        """The effects, one sentence each."""
        if self.already:
            return (f"{self.name} knows no other node and has no data: it is already reset",)
        found = [f"{self.name} is a {self.role}: it leaves the cluster and will be empty"]
        if self.heir:
            found.append(f"{self.heir} is promoted first, with slots {self.slots} and all data")
        elif self.slots:
            found.append(f"slots {self.slots} are unavailable until redistopo up")
        found.append(self.lost or self._kept)
        if others := [name for name in self.replicas if self.heir not in ("", name)]:
            found.append(f"{', '.join(others)} will become a replica of {self.heir}")
        if self.role is Role.REPLICA:
            found.append(f"shard {self.shard} has one replica less until redistopo up")
        found.append(f"its id {self.id[:8]}… is " + ("replaced" if self.hard else "kept"))
        return tuple(found)

    @property
    def _kept(self) -> str:
        if not self.keys:
            return "it has no keys"
        if self.alike:
            return (
                f"{_keys(self.keys)}: {self.alike} has as many, but isn't linked: they may differ"
            )
        return f"{_keys(self.keys)} kept: another node has the same data"


def plan_reset(seen: Observed, node: NodeSeen, *, hard: bool) -> NodeReset:
    """Plan the reset of a node.

    Raises UsageError for a shape other than cluster, RedistopoError if the node doesn't reply, if
    no other node does, and if a replica has its data but can't be promoted now.
    """
    if seen.shape is not Shape.CLUSTER:
        raise UsageError(
            f"the shape here is {seen.shape.value}: only cluster nodes can be reset",
            hint=start_over(more=", then redistopo up"),
        )
    me, shard = node.myself, shard_of(seen, node)
    if not node.answers or me is None or shard is None:
        verb = "resume" if node.paused else "start"
        raise RedistopoError(
            f"{node.name} doesn't reply, so it can't be reset",
            detail=node.error,
            hint=f"redistopo {verb} {node.name}",
        )
    if all(other is node or other in reset_nodes(seen) for other in seen.answering):
        over = start_over(more=", then redistopo up")
        silent = len(seen.answering) < len(seen.nodes)
        raise RedistopoError(
            f"{node.name} is the last node of this cluster that replies",
            detail="after its reset there would be no cluster to rejoin",
            hint=joined("to start the others: redistopo start" if silent else "", over, by="; "),
        )
    heir = _successor(seen, shard, node)
    kept = not node.keys or bool(heir) or _replicated(shard, node)
    most = None if kept else _most(shard, node)
    alike = most is not None and most.keys >= node.keys
    lost, instead = ("", "") if kept or alike else _lost(seen, node, most)
    return NodeReset(
        name=node.name,
        id=me.id,
        hard=hard,
        role=node.role or Role.PRIMARY,
        shard=shard.number,
        slots=format_ranges_briefly(me.slots),
        keys=node.keys,
        replicas=tuple(one.name for one in shard.replicas if node is shard.primary),
        heir=heir,
        lost=lost,
        instead=instead,
        alike=most.name if most and alike else "",
        already=node in reset_nodes(seen) and len(node.members) == 1 and not hard,
    )


def _successor(seen: Observed, shard: ShardSeen, node: NodeSeen) -> str:
    """The replica to promote before a primary is reset; raises RedistopoError if none can be:
    they have its data, and the reset would empty them too."""
    if node is not shard.primary or not shard.replicas or not shard.slots:
        return ""
    return plan_handover(seen, shard.nodes).after.name


def _replicated(shard: ShardSeen, node: NodeSeen) -> bool:
    """Whether, according to replication, another node that replies has the same data.

    The number of keys doesn't show that: a disconnected replica may keep keys that its primary
    has lost since.
    """
    if node is not shard.primary:
        return shard.primary is not None and _linked(node)
    return any(not unfit_reason(node, replica, named=True) for replica in shard.replicas)


def _linked(replica: NodeSeen) -> bool:
    return replica.link_up and replica.info.get("master_sync_in_progress", "0") == "0"


def _most(shard: ShardSeen, node: NodeSeen) -> NodeSeen | None:
    """The node with the most keys among the shard's others that reply; None if none has any."""
    holders = [other for other in shard.nodes if other is not node and other.keys]
    return max(holders, key=lambda other: other.keys, default=None)


def _lost(seen: Observed, node: NodeSeen, most: NodeSeen | None) -> tuple[str, str]:
    """The data that no other replying node has, and how to save it."""
    lost = f"{_keys(node.keys)} lost: no other node that replies has its data"
    if most is not None:
        lost += f" ({most.name} has {_keys(most.keys)}, but isn't linked)"
    ways = {
        "start": [one.name for one in seen.nodes if not one.answers and not one.paused],
        "resume": [one.name for one in seen.nodes if not one.answers and one.paused],
    }
    hints = (
        f"{', '.join(names)} may have it: redistopo {verb}" for verb, names in ways.items() if names
    )
    return lost, "; ".join(hints)


def _keys(count: int) -> str:
    return "1 key" if count == 1 else f"{count} keys"
