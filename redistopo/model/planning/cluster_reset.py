"""What a CLUSTER RESET takes from a node, whether others have it, and what goes before; pure.

Redis (commands CLUSTER RESET and CLUSTER FORGET; clusterReset in cluster_legacy.c): the node
forgets all others and all slots, a replica becomes an empty primary, and `HARD` gives it a new
id. A primary that holds keys refuses. The others go on knowing it by its id, with its slots, and
their state stays ok: it still answers their pings.
"""

from dataclasses import dataclass

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.handover import plan_handover, unfit_reason
from redistopo.model.planning.promotability import shard_of
from redistopo.model.planning.rejoin import reset_nodes
from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.model.state.observed import NodeSeen, Observed, Role, ShardSeen
from redistopo.model.topology.spec import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReset:
    """What a node is and has before its reset.

    `heir` is who leads its shard first ("" for nobody); `lost` says which data no other node
    has ("" for none), and `instead` what would save it; `alike` is who has no fewer keys where
    nothing is replicated between them, so that they may be others ("" where something is);
    `already` that it is reset already.
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
        """All that it costs, a sentence each."""
        if self.already:
            return (f"{self.name} knows no other node and holds nothing: it is reset already",)
        found = [f"{self.name} is a {self.role}: it leaves the cluster, and is empty afterwards"]
        if self.heir:
            found.append(f"{self.heir} leads slots {self.slots} first, with all data; it follows")
        elif self.slots:
            found.append(f"slots {self.slots} are served by nobody until redistopo up")
        found.append(self.lost or self._kept)
        if others := [name for name in self.replicas if self.heir not in ("", name)]:
            found.append(f"{', '.join(others)}: a replica of it now, of {self.heir} afterwards")
        if self.role is Role.REPLICA:
            found.append(f"shard {self.shard} has one replica less until redistopo up")
        found.append(f"its id {self.id[:8]}… is " + ("gone for good" if self.hard else "kept"))
        return tuple(found)

    @property
    def _kept(self) -> str:
        if not self.keys:
            return "it holds no keys"
        if self.alike:
            return (
                f"{_keys(self.keys)}: {self.alike} has no fewer, but isn't linked: they may differ"
            )
        return f"{_keys(self.keys)} kept: another node has what it holds"


def plan_reset(seen: Observed, node: NodeSeen, *, hard: bool) -> NodeReset:
    """What the reset of that node takes.

    Raises UsageError for a shape other than cluster, RedistopoError where the node doesn't
    answer, where no other one does, and where a replica has its data but couldn't lead now.
    """
    if seen.shape is not Shape.CLUSTER:
        raise UsageError(
            f"{node.name} is of a {seen.shape.value}: only a cluster's node can be reset",
            hint="to start over without the data: redistopo down --wipe, then redistopo up",
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
        over = "to start over without the data: redistopo down --wipe, then redistopo up"
        silent = len(seen.answering) < len(seen.nodes)
        raise RedistopoError(
            f"{node.name} is the last node of this cluster that answers",
            detail="after its reset there would be no cluster that it could come back to",
            hint=f"redistopo start brings back the others; {over}" if silent else over,
        )
    heir = _heir(seen, shard, node)
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


def _heir(seen: Observed, shard: ShardSeen, node: NodeSeen) -> str:
    """Who is to lead before a primary is reset; raises RedistopoError where nobody of its
    replicas could: they have its data, and a reset would take it from them too."""
    if node is not shard.primary or not shard.replicas or not shard.slots:
        return ""
    return plan_handover(seen, shard.nodes).after.name


def _replicated(shard: ShardSeen, node: NodeSeen) -> bool:
    """Whether replication says that another node that answers has what this one has.

    Keys elsewhere in the shard don't say so: a replica whose link broke keeps what its primary
    has lost or been emptied of since.
    """
    if node is not shard.primary:
        return shard.primary is not None and _linked(node)
    return any(not unfit_reason(node, replica, named=True) for replica in shard.replicas)


def _linked(replica: NodeSeen) -> bool:
    return replica.link_up and replica.info.get("master_sync_in_progress", "0") == "0"


def _most(shard: ShardSeen, node: NodeSeen) -> NodeSeen | None:
    """Who has the most keys of the shard's other nodes that answer; None where none has any."""
    holders = [other for other in shard.nodes if other is not node and other.keys]
    return max(holders, key=lambda other: other.keys, default=None)


def _lost(seen: Observed, node: NodeSeen, most: NodeSeen | None) -> tuple[str, str]:
    """Which data no other node that answers has, and what would save it."""
    lost = f"{_keys(node.keys)} lost: no other node that answers has what it holds"
    if most is not None:
        lost += f" ({most.name} has {_keys(most.keys)}, and isn't linked)"
    ways = {
        "start": [one.name for one in seen.nodes if not one.answers and not one.paused],
        "resume": [one.name for one in seen.nodes if not one.answers and one.paused],
    }
    told = (
        f"redistopo {verb} brings back {', '.join(names)}, which may have it"
        for verb, names in ways.items()
        if names
    )
    return lost, "; ".join(told)


def _keys(count: int) -> str:
    return "1 key" if count == 1 else f"{count} keys"
