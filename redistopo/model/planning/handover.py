"""Who takes over a shard in a planned handover, and whether anybody could; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.state.observed import NodeSeen, Observed, Role, ShardSeen, shards_of
from redistopo.model.topology.spec import Shape

SILENT_SECONDS = 10
"""A replica that acknowledged nothing for so long wouldn't catch up; each does so every second."""

FAR_BEHIND = 64 * 1024 * 1024
"""Bytes of the stream that a replica can't catch up with in the moment of a handover."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverPlan:
    """Who leads the shard now, and who shall; the same node where nothing is to do."""

    shard: int
    before: NodeSeen
    after: NodeSeen


def plan_handover(seen: Observed, meant: Iterable[NodeSeen]) -> HandoverPlan:
    """The succession in the one shard that these nodes are of.

    A single replica meant is taken, or refused; of several the fittest is taken. A single
    primary meant leads already; Sentinels meant count for nothing beside others. Raises
    UsageError where they aren't of one shard, or nobody ever could take over, RedistopoError
    with a line for each replica where none could now, and where Sentinels would not agree.
    """
    asked = tuple(meant)
    watchers = _watchers(seen)
    wanted = {node.address for node in asked} - watchers
    if asked and not wanted:
        raise UsageError(
            f"{asked[0].name} is a Sentinel: it holds no data, and can't lead",
            hint="redistopo failover replica has the fittest replica lead",
        )
    shard = _shard(seen, wanted)
    if shard.primary is None:
        raise RedistopoError(
            f"shard {shard.number} has no primary that answers, and so nobody who hands over",
            detail="\n".join(f"{one.name} follows {one.follows}" for one in shard.replicas),
            hint="redistopo up brings the primary back, or lets a replica lead that has its data",
        )
    if not shard.replicas and not wanted - {shard.primary.address}:
        raise UsageError(
            f"shard {shard.number} has no replica to hand over to",
            hint="replicas = 1 in the topology file gives a new topology one",
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
            f"no replica of shard {shard.number} could take over now"
            if len(candidates) > 1
            else f"{candidates[0].name} could not take over now",
            detail="\n".join(f"{name}: {reason}" for name, reason in reasons.items()),
            hint="nothing was changed; redistopo verify tells more, redistopo up mends",
        )
    best = max(fit, key=lambda one: one.offset)  # of equals the first
    return HandoverPlan(shard=shard.number, before=shard.primary, after=best)


def _watchers(seen: Observed) -> set[str]:
    """Addresses of Sentinels: of those that answer, and of those that these know."""
    known = {
        peer.address for node in seen.sentinels for one in node.watches for peer in one.sentinels
    }
    silent = {node.address for node in seen.nodes if not node.answers and _called_sentinel(node)}
    return known | silent | {node.address for node in seen.sentinels}


def _called_sentinel(node: NodeSeen) -> bool:
    return node.name.startswith(Role.SENTINEL.value)


def _require_sentinels(seen: Observed, primary: NodeSeen) -> None:
    """Raises RedistopoError where Sentinels would not carry a new primary's name: too few
    answer, don't reach their quorum, or name another primary already."""
    if seen.shape is not Shape.SENTINEL:
        return
    present, known = len(seen.sentinels), len(_watchers(seen))
    watches = [(node.name, watch) for node in seen.sentinels for watch in node.watches]
    said = [f"{name}: {one.quorum}" for name, one in watches if not one.enough]
    said += [
        f"{name}: names {one.address} as primary, not {primary.name}"
        for name, one in watches
        if one.address != primary.address
    ]
    if present <= known // 2:
        said.insert(0, f"{present} of {known} Sentinels answer, and {known // 2 + 1} are needed")
    if said:
        raise RedistopoError(
            "the Sentinels could not hand over now",
            detail="\n".join(said),
            hint="nothing was changed; redistopo verify tells more, redistopo up mends",
        )


def preferring(usual: Mapping[str, int], name: str) -> dict[str, int]:
    """The priorities of replicas under which Sentinels choose that one and no other: the lowest
    goes first, and 0 never (sentinel.c, sentinelSelectSlave). As usual where that will do."""
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
            "a standalone server has nobody to hand over to",
            hint="redistopo init replication, or cluster, makes one with replicas",
        )
    shards = shards_of(seen)
    touched = [one for one in shards if wanted & {node.address for node in one.nodes}]
    if not touched and len(shards) == 1:
        touched = list(shards)  # a silent node of the only shard there is
    if len(touched) == 1:
        return touched[0]
    if not touched:
        silent = ", ".join(node.name for node in _silent(seen) if node.address in wanted)
        raise RedistopoError(
            f"{silent} doesn't reply, so it can't take over",
            hint="redistopo up brings it back",
        )
    raise UsageError(
        f"{len(touched)} shards are meant, and a handover is in one",
        detail="\n".join(_line(one) for one in touched),
        hint=f"say which: redistopo failover shard:{touched[0].number}",
    )


def _line(shard: ShardSeen) -> str:
    replicas = ", ".join(node.name for node in shard.replicas) or "none"
    primary = shard.primary.name if shard.primary else "none"
    return f"shard:{shard.number}  primary {primary}, replicas {replicas}"


def _silent(seen: Observed) -> tuple[NodeSeen, ...]:
    return tuple(node for node in seen.nodes if not node.answers)


def unfit_reason(primary: NodeSeen, replica: NodeSeen, *, named: bool = False) -> str:
    """Why a replica can't take over from its primary now; "" where it can.

    Who must not lead by its own setting may still, where it is `named`.
    """
    if not replica.answers:
        return f"it doesn't reply: {replica.error}"
    if replica.info.get("loading", "0") != "0":
        return "it is loading its data"
    if replica.info.get("master_sync_in_progress") == "1":
        return f"a full sync from {primary.name} is under way"
    if not replica.link_up:
        state = replica.info.get("master_link_status", "unknown")
        return f"its link to {primary.name} is {state}"
    if replica.info.get("slave_priority") == "0" and not named:
        return "its replica-priority is 0; name it to have it nevertheless"
    return _unlisted(primary, replica) or _unknown(primary, replica, named=named)


def _unlisted(primary: NodeSeen, replica: NodeSeen) -> str:
    """Why the primary's own list says that it can't; "" where it says nothing against it."""
    listed = next((one for one in primary.replicas if one.port == replica.port), None)
    if listed is None:
        return f"{primary.name} doesn't list it"
    if listed.state != "online":
        return f"{primary.name} has it as {listed.state}"
    if listed.lag >= SILENT_SECONDS:
        return f"it has acknowledged nothing for {listed.lag} s"
    if (behind := primary.offset - replica.offset) > FAR_BEHIND:
        return f"it is {behind} bytes behind"
    return ""


def _unknown(primary: NodeSeen, replica: NodeSeen, *, named: bool) -> str:
    """Why other nodes of a cluster wouldn't follow it; "" where they would."""
    me = replica.myself
    if me is None:
        return ""
    if "nofailover" in me.flags and not named:
        return "cluster-replica-no-failover is set; name it to have it nevertheless"
    theirs = next((one for one in primary.members if one.id == me.id), None)
    if theirs is None or theirs.failing or not theirs.linked:
        return f"{primary.name} has no bus link to it"
    return ""
