"""Planned failover: the replica to promote in a shard, and whether one can be; pure."""

from collections.abc import Iterable, Mapping

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.protocol.endpoint import at_address
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass

SILENT_SECONDS = 10
"""A replica without an acknowledgement for this long can't catch up; it sends one each second."""

FAR_BEHIND = 64 * 1024 * 1024
"""A replica that is this many bytes behind can't catch up during a planned failover."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverPlan:
    """The current and the new primary of a shard; the same node if nothing is to be done."""

    shard: int
    before: NodeSeen
    after: NodeSeen


def plan_handover(seen: Observed, selected: Iterable[NodeSeen]) -> HandoverPlan:
    """Plan the failover of the shard that the selected nodes belong to.

    A single selected replica is promoted or refused; of several, the best is promoted. A single
    selected primary is primary already; Sentinels are ignored beside other nodes. Raises
    UsageError if the nodes are of several shards, or no replica could ever take over;
    RedistopoError with a line for each replica if none can now, or if Sentinels would not agree.
    """
    asked = tuple(selected)
    watchers = _watchers(seen)
    wanted = {node.address for node in asked} - watchers
    if asked and not wanted:
        raise UsageError(
            f"{asked[0].name} is a Sentinel, which has no data and can't be primary",
            hint="to promote the best replica: redistopo failover replica",
        )
    shard = _shard(seen, wanted)
    if shard.primary is None:
        raise RedistopoError(
            f"the primary of shard {shard.number} doesn't reply, so it can't hand over",
            detail="\n".join(f"{one.name} follows {one.follows}" for one in shard.replicas),
            hint="redistopo up starts the primary, or promotes a replica that has its data",
        )
    if not shard.replicas and not wanted - {shard.primary.address}:
        raise UsageError(
            f"shard {shard.number} has no replica to promote",
            hint="redistopo up starts or resumes one; redistopo scale --replicas 1 adds one",
        )
    if wanted == {shard.primary.address}:
        return HandoverPlan(shard=shard.number, before=shard.primary, after=shard.primary)
    _require_sentinels(seen, shard.primary)
    candidates = [node for node in shard.replicas if node.address in wanted]
    candidates += [node for node in _silent(seen) if node.address in wanted]
    named = len(wanted) == 1
    reasons = {one.name: unfit_reason(shard.primary, one, named=named) for one in candidates}
    fit = [one for one in candidates if not reasons[one.name]]
    if not fit:
        raise RedistopoError(
            f"no replica of shard {shard.number} can take over now"
            if len(candidates) > 1
            else f"{candidates[0].name} can't take over now",
            detail="\n".join(f"{name}: {reason}" for name, reason in reasons.items()),
            hint="nothing was changed; see redistopo verify; redistopo up repairs",
        )
    best = max(fit, key=lambda one: one.offset)  # the first of equals
    return HandoverPlan(shard=shard.number, before=shard.primary, after=best)


def _watchers(seen: Observed) -> set[str]:
    """Addresses of Sentinels: those that reply, and those that these know."""
    known = {
        peer.address for node in seen.sentinels for one in node.watches for peer in one.sentinels
    }
    silent = {node.address for node in seen.nodes if not node.answers and _called_sentinel(node)}
    return known | silent | {node.address for node in seen.sentinels}


def _called_sentinel(node: NodeSeen) -> bool:
    return node.name.startswith(Role.SENTINEL.value)


def _require_sentinels(seen: Observed, primary: NodeSeen) -> None:
    """Raise RedistopoError if Sentinels would not agree on a new primary: too few reply, they
    don't reach their quorum, or they already name another primary."""
    if seen.shape is not Shape.SENTINEL:
        return
    present, known = len(seen.sentinels), len(_watchers(seen))
    watches = [(node.name, watch) for node in seen.sentinels for watch in node.watches]
    faults = [f"{name}: {one.quorum}" for name, one in watches if not one.enough]
    faults += [
        f"{name}: names {one.address} as primary, not {primary.name}"
        for name, one in watches
        if one.address != primary.address
    ]
    if present <= known // 2:
        faults.insert(0, f"{present} of {known} Sentinels reply, {known // 2 + 1} are needed")
    if faults:
        raise RedistopoError(
            "the Sentinels can't fail over now",
            detail="\n".join(faults),
            hint="nothing was changed; see redistopo verify; redistopo up repairs",
        )


def preferring(usual: Mapping[str, int], name: str) -> dict[str, int]:
    """Return replica priorities with which Sentinels promote that replica: the lowest wins, 0
    never does (sentinel.c, sentinelSelectSlave). Unchanged if they suffice."""
    mine = usual[name]
    rivals = [value for other, value in usual.items() if other != name and value]
    if mine and all(value > mine for value in rivals):
        return dict(usual)
    return {
        other: 1 if other == name else value and max(value, 2) for other, value in usual.items()
    }


def _shard(seen: Observed, wanted: set[str]) -> ShardSeen:
    if seen.shape is Shape.STANDALONE:
        raise UsageError(
            "a standalone server has no replica to promote",
            hint="for replicas: redistopo init replication, or redistopo init cluster",
        )
    shards = shards_of(seen)
    touched = [one for one in shards if wanted & {node.address for node in one.nodes}]
    if not touched and len(shards) == 1:
        touched = list(shards)  # a silent node of the only shard
    if len(touched) == 1:
        return touched[0]
    if not touched:
        silent = [node.name for node in _silent(seen) if node.address in wanted]
        raise RedistopoError(
            f"{silent[0]} doesn't reply, so it can't take over"
            if len(silent) == 1
            else f"{', '.join(silent)} don't reply, so none can take over",
            hint="redistopo up starts it" if len(silent) == 1 else "redistopo up starts them",
        )
    raise UsageError(
        f"{len(touched)} shards are selected, but only one can fail over at a time",
        detail="\n".join(_line(one) for one in touched),
        hint=f"select one: redistopo failover shard:{touched[0].number}",
    )


def _line(shard: ShardSeen) -> str:
    replicas = ", ".join(node.name for node in shard.replicas) or "none"
    primary = shard.primary.name if shard.primary else "none"
    return f"shard:{shard.number}  primary {primary}, replicas {replicas}"


def _silent(seen: Observed) -> tuple[NodeSeen, ...]:
    return tuple(node for node in seen.nodes if not node.answers)


def unfit_reason(primary: NodeSeen, replica: NodeSeen, *, named: bool = False) -> str:
    """Return why a replica can't take over from its primary now; "" if it can.

    A replica that is excluded by its own settings is accepted if it is `named`.
    """
    if not replica.answers:
        return f"it doesn't reply: {replica.error}"
    if replica.info.get("loading", "0") != "0":
        return "it is loading its data"
    if replica.info.get("master_sync_in_progress") == "1":
        return f"a full sync from {primary.name} is in progress"
    if not replica.link_up:
        state = replica.info.get("master_link_status", "unknown")
        return f"its link to {primary.name} is {state}"
    if replica.info.get("slave_priority") == "0" and not named:
        return "its replica-priority is 0; use its name to promote it anyway"
    return _unlisted(primary, replica) or _unknown(primary, replica, named=named)


def _unlisted(primary: NodeSeen, replica: NodeSeen) -> str:
    """Why it can't according to the primary's list of replicas; "" for no reason."""
    listed = at_address(primary.replicas, replica)
    if listed is None:
        return f"{primary.name} doesn't list it"
    if listed.state != "online":
        return f"{primary.name} has it as {listed.state}"
    if listed.lag >= SILENT_SECONDS:
        return f"it sent no acknowledgement for {listed.lag} s"
    if (behind := primary.offset - replica.offset) > FAR_BEHIND:
        return f"it is {behind} bytes behind"
    return ""


def _unknown(primary: NodeSeen, replica: NodeSeen, *, named: bool) -> str:
    """Why other nodes of a cluster wouldn't accept it; "" if they would."""
    me = replica.myself
    if me is None:
        return ""
    if "nofailover" in me.flags and not named:
        return "cluster-replica-no-failover is set; use its name to promote it anyway"
    theirs = next((one for one in primary.members if one.id == me.id), None)
    if theirs is None or theirs.failing or not theirs.linked:
        return f"{primary.name} has no bus link to it"
    return ""
