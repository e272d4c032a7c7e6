"""The last known state of each node: the latest snapshot, or an older one if it is silent."""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum

from redistopo.model.protocol.sentinel_replies import latest_address, votes_needed
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.monitored_primaries import by_primary
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState, Role
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass

LAG_BOUND = 1024 * 1024
"""A replica lags if it is more bytes than this behind its primary, until it is at half."""


class NodeCondition(StrEnum):
    """Whether a node replies, and if not, why."""

    WELL = "well"
    LOADING = "loading"
    GONE = "gone"
    SILENT = "silent"
    PAUSED = "paused"
    DENIED = "denied"

    @property
    def answers(self) -> bool:
        return self in (NodeCondition.WELL, NodeCondition.LOADING)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKnown:
    """One node; everything from `run_id` on is its last reply, however old.

    `since` is the time of the first snapshot with its condition; `why` the error if it
    didn't reply. `follows` and `link` are a replica's. `suspected_by` and `failed_by` count
    the `witnesses`, other nodes (or Sentinels) that reply. `names` and `tilted` are a
    Sentinel's.
    """

    name: str
    condition: NodeCondition
    since: datetime
    why: str = ""
    suspected_by: int = 0
    failed_by: int = 0
    witnesses: int = 0
    run_id: str = ""
    role: Role | None = None
    follows: str = ""
    link: bool | None = None
    state: str = ""
    slots: tuple[SlotRange, ...] = ()
    epoch: int = 0
    syncs: int = 0
    behind: int | None = None
    lagging: bool = False
    names: str = ""
    tilted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedPrimary:
    """`named` is the primary according to the Sentinels, in `epoch`; of `watchers` known
    Sentinels, `watching` reply and aren't in TILT mode; `able` is whether they could fail over.
    """

    named: str = ""
    epoch: int = 0
    watchers: int = 0
    watching: int = 0
    able: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LastKnown:
    """All nodes of one snapshot; `leaders` maps primaries to their slots (none in a replication).

    `watched` maps the name of each primary that the Sentinels monitor ("" if it is the only one)
    to what they know of it; empty without Sentinels.
    """

    at: datetime
    nodes: tuple[NodeKnown, ...]
    watched: Mapping[str, WatchedPrimary] = field(default_factory=dict)
    leaders: Mapping[str, tuple[SlotRange, ...]] = field(default_factory=dict)


def update_last_known(before: LastKnown | None, seen: Observed, at: datetime) -> LastKnown:
    """Merge a snapshot into what was known before."""
    shards = shards_of(seen)
    earlier = {node.name: node for node in before.nodes} if before else {}
    behind = {
        node.name: max(0, shard.primary.offset - node.offset)
        for shard in shards
        if shard.primary
        for node in shard.replicas
    }
    flagged = flagged_by_sentinels(seen) if seen.shape is Shape.SENTINEL else _flagged(seen)
    nodes = []
    for node in seen.nodes:
        known_node = _known(seen, node, earlier.get(node.name), at)
        suspected, failed = flagged.get(node.address, (0, 0))
        others = len(seen.answering) - (1 if node.answers else 0)
        known_node = replace(
            known_node,
            suspected_by=suspected,
            failed_by=failed,
            witnesses=_witnesses(seen, node, others),
        )
        nodes.append(_with_lag(known_node, behind.get(node.name)))
    leaders = _leaders(seen, shards, before)
    watched = _watched(seen, before.watched if before else {})
    return LastKnown(at=at, nodes=tuple(nodes), leaders=leaders, watched=watched)


def _witnesses(seen: Observed, node: NodeSeen, others: int) -> int:
    if seen.shape is Shape.SENTINEL:
        return sum(one is not node for one in seen.sentinels)
    return others if seen.shape is Shape.CLUSTER else 0


def _watched(seen: Observed, before: Mapping[str, WatchedPrimary]) -> Mapping[str, WatchedPrimary]:
    """What the Sentinels report of each primary that they monitor."""
    if seen.shape is not Shape.SENTINEL:
        return {}
    # while no Sentinel replies, those that they monitored before count
    parts = by_primary(seen) or (dict.fromkeys(before, seen) if len(before) > 1 else {"": seen})
    return {
        name: _watched_primary(part, name, before.get(name, WatchedPrimary()))
        for name, part in parts.items()
    }


def _watched_primary(seen: Observed, name: str, before: WatchedPrimary) -> WatchedPrimary:
    """One primary of the Sentinels; keeps the last named address while none replies."""
    awake = [node for node in seen.sentinels if not node.tilted]
    watches = [one for node in seen.sentinels for one in node.watches if name in ("", one.name)]
    ours = sum(node.is_sentinel for node in seen.nodes)
    watchers = max([ours, before.watchers, *(1 + len(watch.sentinels) for watch in watches)])
    enough = any(one.enough for node in awake for one in node.watches if name in ("", one.name))
    address = latest_address((watch.address, watch.epoch) for watch in watches)
    return WatchedPrimary(
        named=_name_at(seen, address) or before.named,
        epoch=max((watch.epoch for watch in watches), default=before.epoch),
        watchers=watchers,
        watching=len(awake),
        able=enough and len(awake) >= votes_needed(watches, watchers),
    )


def condition(node: NodeSeen) -> NodeCondition:
    """Classify a node of a snapshot."""
    if node.answers:
        return NodeCondition.WELL if node.info.get("loading", "0") == "0" else NodeCondition.LOADING
    if node.paused:
        return NodeCondition.PAUSED
    if node.process is ProcessState.ABSENT:
        return NodeCondition.GONE
    if "rejected our password" in node.error:
        return NodeCondition.DENIED
    # of a process that isn't ours we only know that nothing listens
    if "connection refused" in node.error and not node.running:
        return NodeCondition.GONE
    return NodeCondition.SILENT


def _known(seen: Observed, node: NodeSeen, before: NodeKnown | None, at: datetime) -> NodeKnown:
    found = condition(node)
    since = before.since if before and before.condition is found else at
    if not node.answers:
        last = before or NodeKnown(name=node.name, condition=found, since=since)
        return replace(last, condition=found, since=since, why=node.error)
    me = node.myself
    replica = node.role is Role.REPLICA
    return NodeKnown(
        name=node.name,
        condition=found,
        since=since,
        run_id=node.info.get("run_id", ""),
        role=node.role,
        follows=_followed(seen, node),
        link=node.link_up if replica else None,
        state=node.cluster.get("cluster_state", ""),
        slots=me.slots if me else (),
        epoch=me.epoch if me else 0,
        syncs=int(node.info.get("sync_full", 0)),
        lagging=before.lagging if before and replica else False,
        names=_named_by(seen, node),
        tilted=node.tilted,
    )


def _named_by(seen: Observed, node: NodeSeen) -> str:
    """The primary that a Sentinel names, or each with what it calls it; "" for other roles."""
    told = {watch.name: _name_at(seen, watch.address) for watch in node.watches}
    if len(told) == 1:
        return next(iter(told.values()))
    return ", ".join(f"{at} ({name})" for name, at in sorted(told.items()))


def _followed(seen: Observed, node: NodeSeen) -> str:
    """The name of the primary that a replica follows, or its address; "" for other roles."""
    if node.role is not Role.REPLICA:
        return ""
    address = node.follows
    me = node.myself
    if me is not None:  # INFO still names the old primary for a moment
        member = next((one for one in node.members if one.id == me.primary_id), None)
        address = member.address if member else address
    return _name_at(seen, address)


def _name_at(seen: Observed, address: str) -> str:
    """The name of the node there, or the address."""
    node = seen.at(address)
    return node.name if node else address


def _with_lag(node: NodeKnown, behind: int | None) -> NodeKnown:
    """Add the distance to its primary; lagging has hysteresis."""
    if behind is None:
        return node
    lagging = behind > LAG_BOUND or (node.lagging and behind * 2 > LAG_BOUND)
    return replace(node, behind=behind, lagging=lagging)


def _flagged(seen: Observed) -> dict[str, tuple[int, int]]:
    """Address -> number of replying nodes that flag it PFAIL, and FAIL."""
    found: dict[str, tuple[int, int]] = {}
    for witness in seen.answering:
        for member in witness.members:
            if not member.myself and member.failing:
                pfail, fail = found.get(member.address, (0, 0))
                known = "fail" in member.flags
                found[member.address] = (pfail + (not known), fail + known)
    return found


def flagged_by_sentinels(seen: Observed) -> dict[str, tuple[int, int]]:
    """Map an address to the number of Sentinels that have it as s_down, and as o_down."""
    found: dict[str, tuple[int, int]] = {}
    for node in seen.sentinels:
        marks = {watch.flagged or watch.address: watch.flags for watch in node.watches}
        for peer in (peer for one in node.watches for peer in (*one.replicas, *one.sentinels)):
            marks.setdefault(peer.address, peer.flags)
        for address, flags in marks.items():
            down, agreed = found.get(address, (0, 0))
            known = "o_down" in flags
            found[address] = (down + ("s_down" in flags and not known), agreed + known)
    return {address: counts for address, counts in found.items() if any(counts)}


def _leaders(
    seen: Observed, shards: tuple[ShardSeen, ...], before: LastKnown | None
) -> dict[str, tuple[SlotRange, ...]]:
    """The primaries; for a shard without any reply, the last known one."""
    found: dict[str, tuple[SlotRange, ...]] = {}
    answering = {node.name for node in seen.answering}
    for shard in shards:
        if seen.shape is Shape.CLUSTER and not shard.slots:
            continue
        if shard.primary:
            found[shard.primary.name] = shard.slots
        elif (primary := _followed(seen, shard.replicas[0])) not in answering:
            found.setdefault(primary, shard.slots)
    taken = {one for slots in found.values() for one in slots}
    for name, slots in (before.leaders if before else {}).items():
        silent = name not in found and name not in answering
        if silent and taken.isdisjoint(slots) and (slots or not found):
            found[name] = slots
    return found
