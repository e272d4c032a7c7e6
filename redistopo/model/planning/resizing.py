"""Which nodes a changed number of shards, replicas or Sentinels adds and removes; pure.

Redis has no command for it: a new node starts alone, and joins as a node does that was reset; a
node leaves by CLUSTER RESET, and CLUSTER FORGET on all others.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from redistopo.errors import UsageError
from redistopo.model.planning.new_nodes import new_nodes
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_rejoin import RejoinPlan, reset_nodes
from redistopo.model.planning.slot_moves import balance
from redistopo.model.protocol.slots import SLOT_COUNT, unassigned_slots
from redistopo.model.state.job import SlotMove
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.record import TopologyState
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.model.topology.spec import Topology
from redistopo.quick_dataclass import dataclass

if TYPE_CHECKING:
    from redistopo.model.planning.proposal import Proposal

_BACKLOG = 1 << 20
"""Bytes by which replicas may differ for the moment: the default of repl-backlog-size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Nodes that leave their shard, and which of them, and of those in no shard, are removed."""

    nodes: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def is_resized(plan: Plan, record: TopologyState) -> bool:
    """Whether the file has another number of data nodes, or of Sentinels, than was recorded."""
    return node_counts(plan.topology) != recorded_counts(record)


def node_counts(topology: Topology) -> str:
    """Return how many nodes the file has: ``6 nodes``, or ``3 nodes and 3 Sentinels``."""
    return _counts(topology.size, topology.sentinels)


def recorded_counts(record: TopologyState) -> str:
    """Return how many nodes are recorded."""
    watching = sum(name.startswith("sentinel") for name in record.names)
    return _counts(len(record.nodes) - watching, watching)


def _counts(data: int, watching: int) -> str:
    found = f"{data} node{'s' if data != 1 else ''}"
    return f"{found} and {watching} Sentinel{'s' if watching != 1 else ''}" if watching else found


def leaving_nodes(plan: Plan, seen: Observed) -> Leaving:
    """Decide which nodes leave, if the file has fewer than there are; none while one is silent.

    The shards that were added last leave first, empty ones before them; of the other shards the
    replicas with the least of the data. A primary leaves only with its whole shard.
    """
    count = len(plan.data) - plan.topology.size
    if len(seen.answering) != len(seen.nodes):
        return Leaving()
    if count <= 0:
        emptied = tuple(_emptied(plan, seen)) if plan.topology.clustered and not count else ()
        return Leaving(nodes=emptied, removed=tuple(_surplus_sentinels(plan)))
    if not plan.topology.clustered:
        replicas = [node for node in seen.answering if node.role is Role.REPLICA]
        names = tuple(node.name for node in _least_first(plan, replicas)[:count])
        return Leaving(removed=(*names, *_surplus_sentinels(plan)))
    alone = [node for node in reset_nodes(seen) if len(node.members) == 1]
    shards = [one for one in shards_of(seen) if one.primary and one.primary not in alone]
    drained = _drained(plan, shards)
    gone = [node for shard in drained for node in (*shard.replicas, shard.primary) if node]
    spare = _spare(plan, (shard for shard in shards if shard not in drained))
    gone += spare[: max(0, count - len(alone) - len(gone))]
    going = tuple(node.name for node in gone)
    last = sorted((node.name for node in alone), key=_number, reverse=True)
    return Leaving(nodes=going, removed=(*last, *going)[:count])


def _spare(plan: Plan, shards: Iterable[ShardSeen]) -> list[NodeSeen]:
    """The replicas that shards have more than planned, those to give up first."""
    most = -plan.topology.replicas or None
    some = (node for one in shards for node in _least_first(plan, one.replicas)[:most])
    return _least_first(plan, some)


def _emptied(plan: Plan, seen: Observed) -> Iterable[str]:
    """The nodes of shards that lost all their slots, and so became replicas of the primary that got
    them (cluster_legacy.c, clusterUpdateSlotsConfigWith): each other shard keeps its replicas."""
    shards = shards_of(seen)
    owned = [one.slots for one in shards if one.primary]
    missing = plan.topology.shards - len(shards)
    spare = _spare(plan, shards)
    whole = missing > 0 and not unassigned_slots(owned, SLOT_COUNT)
    if whole and len(spare) == missing * (1 + plan.topology.replicas):
        yield from (node.name for node in spare)


def _surplus_sentinels(plan: Plan) -> Iterable[str]:
    hosts = plan.topology.hosts
    last = sorted(
        plan.sentinels, key=lambda one: hosts is not None and one.machine in hosts.draining
    )
    return (node.name for node in last[plan.topology.sentinels :])


def _drained(plan: Plan, shards: list[ShardSeen]) -> list[ShardSeen]:
    """The surplus shards: empty ones first, then those whose oldest node is the youngest."""
    order = sorted(
        shards, key=lambda one: (bool(one.slots), -min(_number(node.name) for node in one.nodes))
    )
    return order[: max(0, len(shards) - plan.topology.shards)]


def _least_first(plan: Plan, replicas: Iterable[NodeSeen]) -> list[NodeSeen]:
    """Those on a host that is emptied, then those that lost their primary, then those far behind,
    then the youngest."""
    hosts = plan.topology.hosts
    drained = {one.address for one in hosts.machines if one.drain} if hosts else set()
    some = list(replicas)
    enough = max((one.offset for one in some), default=0) - _BACKLOG

    def worth(node: NodeSeen) -> tuple[bool, bool, int, int]:
        return node.host not in drained, node.link_up, min(node.offset, enough), -_number(node.name)

    return sorted(some, key=worth)


def _number(name: str) -> int:
    return int(name.removeprefix("node"))


def without_nodes(plan: Plan, names: Collection[str]) -> Plan:
    """Return the plan without removed nodes."""
    nodes = tuple(node for node in plan.nodes if node.name not in names)
    shards = (
        replace(one, replicas=tuple(name for name in one.replicas if name not in names))
        for one in plan.shards
        if one.primary not in names
    )
    return replace(plan, nodes=nodes, shards=tuple(shards))


def moves_for_shards(
    seen: Observed, leaving: Collection[str], joins: Iterable[RejoinPlan] = ()
) -> tuple[SlotMove, ...]:
    """Return the moves that give primaries without slots their share, also those that join, and
    take all slots from primaries that leave; other differences are kept."""
    if len(seen.answering) != len(seen.nodes):
        return ()
    joining = {one.name: one for one in joins if not (one.forgotten or one.completed)}
    owners = {
        one.primary.name: one.slots
        for one in shards_of(seen)
        if one.primary and one.primary.name not in joining
        if one.slots or len(one.primary.members) > 1
    } | {name: one.slots for name, one in joining.items() if not one.primary}
    gone = {name for name in owners if name in leaving}
    empty = {name for name, slots in owners.items() if not slots} - gone
    if not empty and not any(owners[name] for name in gone):
        return ()
    stay = len(owners) - len(gone)
    rest = sum(sum(map(len, slots)) for name, slots in owners.items() if name not in gone)
    share = rest / max(1, stay - len(empty)) if rest else SLOT_COUNT / max(1, stay)
    weights = {
        name: 0.0 if name in gone else share if name in empty else float(sum(map(len, slots)))
        for name, slots in owners.items()
    }
    return balance(owners, weights, threshold=0.0)


def refuse_opposite_changes(it: "Proposal") -> None:
    """Raise UsageError if a node would have to leave one shard to join another: more shards with
    fewer replicas, or the reverse."""
    plan, seen = it.plan, it.now.seen
    fresh = new_nodes(plan, it.now.record, seen)
    silent = [node for node in seen.nodes if not node.answers and node.name not in fresh]
    if not plan.topology.clustered or not it.now.formed or silent:
        return
    count = len(plan.data) - plan.topology.size
    alone = len(reset_nodes(seen)) + len(fresh)
    shards = len([one for one in shards_of(seen) if one.primary and one.slots])
    if not alone and count >= 0:
        _refuse_other_division(plan, seen, shards)
    if not fresh and count <= 0:
        return
    if plan.topology.shards - shards > alone:
        more, less = "shards", "replicas"
    elif fresh and plan.topology.shards < shards:
        more, less = "replicas", "shards"
    else:
        return
    raise UsageError(
        f"the file has more {more} and fewer {less} than the topology; nothing was changed",
        detail=f"{shards} shards of {len(plan.data)} nodes run, {plan.topology.shards} shards of "
        f"{plan.topology.size} nodes are asked for",
        hint=f"change {more} first, redistopo up, then {less}",
    )


def _refuse_other_division(plan: Plan, seen: Observed, shards: int) -> None:
    """Raise UsageError if the file divides the nodes, or fewer, into fewer shards with more
    replicas: a node keeps its shard, so a shard leaves and other replicas come."""
    sizes = {len(one.nodes) for one in shards_of(seen) if one.slots}
    wanted = plan.topology
    if shards <= wanted.shards or len(sizes) != 1:
        return
    replicas = max(sizes) - 1
    if replicas >= wanted.replicas:
        return
    raise UsageError(
        "the file has more replicas and fewer shards than the topology; nothing was changed",
        detail=f"shards = {shards} and replicas = {replicas} run, shards = {wanted.shards} and "
        f"replicas = {wanted.replicas} are asked for: a node doesn't change its shard",
        hint=f"set shards = {shards} and replicas = {replicas} in {plan.layout.topology.name} "
        f"again, then redistopo scale --shards {wanted.shards}, then redistopo scale --replicas "
        f"{wanted.replicas}",
    )
