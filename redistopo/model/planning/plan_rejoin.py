"""Nodes that a CLUSTER RESET removed from their cluster, and how each rejoins; pure."""

from collections.abc import Collection, Iterable, Mapping

from redistopo.errors import RedistopoError
from redistopo.model.planning.replicas_on_hosts import choose_primaries
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.protocol.slots import (
    SLOT_COUNT,
    SlotRange,
    slots_in_both,
    split_slots,
    unassigned_slots,
)
from redistopo.model.remedies.of_topology import reset_anyway, separate_cluster
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.shards import shards_of
from redistopo.model.topology.hosts import Hosts
from redistopo.quick_dataclass import dataclass

FORGOTTEN = "nodes don't know it: it was removed from the cluster"
"""The cause of a rejoin by nodes that only have to meet it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejoinPlan:
    """How one node rejoins: as a replica of `primary`, or as primary of `slots`, of none if its
    slots were moved; `orphan` if its primary no longer exists, `forgotten` if it keeps its role
    and nodes only have to meet it, `completed` if it owns slots already."""

    name: str
    orphan: bool = False
    forgotten: bool = False
    completed: bool = False
    primary: str = ""
    slots: tuple[SlotRange, ...] = ()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The node and its primary."""
        return (self.name, self.primary) if self.primary else (self.name,)

    @property
    def cause(self) -> str:
        if self.orphan:
            return "its primary no longer exists"
        if self.forgotten:
            return FORGOTTEN
        if self.completed:
            return "no node owns these slots, and it has keys of others around them"
        return "it has no slots and no keys: it was reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class NonEmptyReset:
    """A node that was reset and loaded its keys from disk at its next start, so that it claims
    slots of `primary`. `safe` if that one has at least as many keys."""

    name: str
    primary: str
    keys: int
    safe: bool

    @property
    def cause(self) -> str:
        """Why it is reset again."""
        return f"it was reset, but loaded {self.keys} keys from disk; {self.primary} has as many"


def non_empty_resets(seen: Observed) -> tuple[NonEmptyReset, ...]:
    """Find nodes that a reset left so; none while a node doesn't reply.

    A reset empties a replica only in memory (clusterReset): its next start loads its keys from
    the log or snapshot, and claims their slots (verifyClusterConfigWithData). It had no replicas
    in the meantime, because it knows no other node; where others met it again, it lost the slots
    by its lower epoch.
    """
    if len(seen.answering) != len(seen.nodes):
        return ()
    alone = [
        node
        for node in seen.nodes
        if (me := node.myself) and me.primary and me.slots
        if len(node.members) == 1
    ]
    found = []
    for node in alone:
        mine = node.myself.slots if node.myself else ()
        for other in seen.nodes:
            them = other.myself
            owner = them is not None and them.primary and other not in alone
            if owner and them is not None and slots_in_both(mine, them.slots) == mine:
                safe = other.keys >= node.keys
                found.append(
                    NonEmptyReset(name=node.name, primary=other.name, keys=node.keys, safe=safe)
                )
    return tuple(found)


def refuse_more_keys(found: Iterable[NonEmptyReset]) -> None:
    """Raise RedistopoError for the first node with keys that its shard's primary may lack."""
    for one in found:
        if not one.safe:
            raise RedistopoError(
                f"{one.name} was reset, but has more keys on disk than {one.primary}, "
                "the primary of their slots",
                detail=f"it started alone and claims the slots of its {one.keys} keys",
                hint=joined(
                    f"to keep a copy of its keys: redistopo start {one.name}, then ",
                    f"redistopo cli {one.name} -- --rdb {one.name}.rdb; then, to rejoin it ",
                    reset_anyway(
                        one.name,
                        f"keys of {one.name} that {one.primary} lacks, except in {one.name}.rdb",
                        before="without them: ",
                    ),
                    ", then redistopo up",
                ),
            )


def refuse_unread_logs(seen: Observed, loaded: Collection[str]) -> None:
    """Raise RedistopoError if all nodes were reset, and logs of nodes not in `loaded`, those that
    this run started, may still have keys: a reset empties a replica only in memory, and forming
    the cluster again would overwrite its log."""
    if not seen.answering or any(not _empty(one) or len(one.members) > 1 for one in seen.nodes):
        return
    unread = [
        node.name
        for node in seen.nodes
        if node.name not in loaded
        if node.info.get("aof_enabled") == "1" and node.on_disk.has_keys
    ]
    if unread:
        raise RedistopoError(
            "all nodes were reset, and have no keys in memory; nothing was changed",
            detail=f"the append-only files of {', '.join(unread)} may still have keys, which "
            "forming the cluster now would overwrite",
            hint="redistopo down, then redistopo up: loads what they have, and forms the cluster",
        )


def stranded(seen: Observed) -> tuple[NodeSeen, ...]:
    """Find nodes with keys of slots that no node owns: another cluster took their slots, and gave
    up these nodes or was separated. None while a node that was reset may have had the slots."""
    owned = [me.slots for node in seen.answering if (me := node.myself)]
    if reset_nodes(seen) or not unassigned_slots(owned, SLOT_COUNT):
        return ()
    ours = {node.address for node in seen.nodes}  # a primary of ours was reset, and has its keys
    return tuple(node for node in _orphans(seen) if node.keys and node.follows not in ours)


def refuse_stranded(seen: Observed) -> None:
    """Raise RedistopoError if there are such nodes: as replicas of another primary they would lose
    their keys."""
    shards: dict[str, NodeSeen] = {}
    for node in sorted(stranded(seen), key=lambda node: -node.keys):
        if me := node.myself:
            shards.setdefault(me.primary_id, node)
    if shards:
        names = [node.name for node in shards.values()]
        raise RedistopoError(
            f"another cluster took the slots of {', '.join(names)}, and no node owns them now; "
            "nothing was changed",
            hint=separate_cluster(names, [node.follows for node in shards.values()]),
        )


def reset_nodes(seen: Observed) -> tuple[NodeSeen, ...]:
    """Find primaries without slots and keys, as a reset leaves them.

    They know no other node; but since Valkey 8.1, nodes that still know one that kept its id
    meet it again after the node timeout.
    """
    return tuple(node for node in seen.answering if _empty(node))


def _empty(node: NodeSeen) -> bool:
    me = node.myself
    return me is not None and me.primary and not me.slots and not node.keys


def forgotten_nodes(seen: Observed) -> tuple[NodeSeen, ...]:
    """Find nodes that another one doesn't know, as CLUSTER FORGET and `redis-cli --cluster
    del-node` leave them. A node that knows others than those of the topology is left alone, and
    only a node that knows most of them is a witness: otherwise two clusters would be merged."""
    known = {node.name: {one.id for one in node.members} for node in seen.answering}
    live = {me.id for node in seen.answering if (me := node.myself)}
    witnesses = [ids for ids in known.values() if len(ids & live) * 2 > len(live)]
    return tuple(
        node
        for node in seen.answering
        if (me := node.myself)
        and known[node.name] <= live
        and any(me.id not in ids for ids in witnesses)
    )


def _is_apart(node: NodeSeen, unknown: Iterable[NodeSeen]) -> bool:
    """Whether a node isn't known, or knows no other, as after a soft reset."""
    return node in unknown or len(node.members) == 1


def _orphans(seen: Observed, hosts: Hosts | None = None) -> tuple[NodeSeen, ...]:
    """Replicas whose primary got a new id while they were stopped."""
    gone = stale_ids(seen, hosts)
    return tuple(
        node
        for node in seen.answering
        if (me := node.myself) and me.replica and me.primary_id in gone.get(node.name, ())
    )


def plan_rejoins(seen: Observed, shards: int, hosts: Hosts | None = None) -> tuple[RejoinPlan, ...]:
    """Plan how reset nodes rejoin a cluster with so many shards, primaries first.

    Missing primaries get the slots that no node owns, if there are any; all other nodes,
    and replicas whose primary no longer exists, become replicas of the primary with the fewest
    replicas, over several hosts of one that has no node on theirs. Nodes that others forgot are
    introduced again. If all nodes were reset, the cluster is formed again. Empty while a node
    doesn't reply, as it may own the slots, or one is stranded.
    """
    unknown = forgotten_nodes(seen)
    # those that all nodes know first: if slots were moved away, they are primaries already
    alone = tuple(sorted(reset_nodes(seen), key=lambda node: _is_apart(node, unknown)))
    rest = [node for node in seen.nodes if node not in alone]
    lost = _orphans(seen, hosts)
    if not (alone or lost or unknown) or len(seen.answering) != len(seen.nodes) or stranded(seen):
        return ()
    owned = [me.slots for node in rest if (me := node.myself) and me.slots]
    pieces = _pieces(unassigned_slots(owned, SLOT_COUNT), shards)
    leads = max(0, min(shards - len(owned), len(alone), len(pieces)))
    found = [
        RejoinPlan(name=node.name, slots=tuple(one for some in pieces[n::leads] for one in some))
        for n, node in enumerate(alone[:leads])
    ]
    if not leads:
        found += _completed(rest, pieces, shards)
    empty = alone[leads : max(leads, shards - len(owned))]
    found += [RejoinPlan(name=node.name) for node in empty if _is_apart(node, unknown)]
    found += [RejoinPlan(name=node.name, forgotten=True) for node in unknown if node in rest]
    replicas = {
        one.primary.name: len(one.replicas)
        for one in shards_of(seen)
        if one.primary and one.slots and one.primary in rest
    } | {one.name: 0 for one in found if one.slots}
    followers = {one.primary.name: len(one.replicas) for one in shards_of(seen) if one.primary}
    replicas |= {node.name: followers.get(node.name, 0) for node in empty}
    following = (*alone[leads + len(empty) :], *lost)
    if replicas:
        primaries = choose_primaries(following, replicas, seen, hosts)
        found += [
            RejoinPlan(name=node.name, primary=primary, orphan=node in lost)
            for node, primary in zip(following, primaries, strict=True)
        ]
    return tuple(found)


def _completed(
    owners: Iterable[NodeSeen], pieces: Iterable[tuple[SlotRange, ...]], shards: int
) -> list[RejoinPlan]:
    """Give slots that no node owns to the primary with the most slots of their planned shard: after
    a reset, nodes that loaded keys from disk own the slots of their keys alone."""
    mine = {node.name: me.slots for node in owners if (me := node.myself) and me.slots}
    given: dict[str, tuple[SlotRange, ...]] = {}
    for piece in pieces if mine else ():
        shares = [one for one in split_slots(shards) if slots_in_both(piece, [one])]
        near = {name: sum(map(len, slots_in_both(slots, shares))) for name, slots in mine.items()}
        name = max(near, key=lambda one: near[one])
        given[name] = (*given.get(name, ()), *piece)
    return [RejoinPlan(name=name, completed=True, slots=slots) for name, slots in given.items()]


def _pieces(missing: Iterable[SlotRange], shards: int) -> list[tuple[SlotRange, ...]]:
    """The missing slots, split at the plan's shard boundaries."""
    wanted = tuple(missing)
    cut = (slots_in_both(wanted, [share]) for share in split_slots(shards))
    return [piece for piece in cut if piece]


def stale_ids(seen: Observed, hosts: Hosts | None = None) -> Mapping[str, tuple[str, ...]]:
    """Map nodes to ids in their tables that no node has any more, as after a hard reset.

    Only ids without an address, or at the address of a node that has another id; nodes of
    other clusters are left alone. Over several hosts, also of failing nodes without slots on a
    machine that is none of the `hosts` any more. Empty while a node doesn't reply: it may have
    the id.
    """
    if len(seen.answering) != len(seen.nodes):
        return {}
    live = {me.id for node in seen.nodes if (me := node.myself)}
    places = {node.address for node in seen.nodes}
    machines = {one.address for one in hosts.machines} if hosts else None

    def gone(one: ClusterNodesLine) -> bool:
        elsewhere = machines is not None and one.host not in machines
        return elsewhere and "fail" in one.flags and not one.slots

    found = {
        node.name: tuple(
            one.id
            for one in node.members
            if one.id not in live
            and "handshake" not in one.flags
            and ("noaddr" in one.flags or one.address in places or gone(one))
        )
        for node in seen.nodes
    }
    return {name: ids for name, ids in found.items() if ids}
