"""Planned failover: promotes a replica without losing any acknowledged write.

In every shape: client writes to the primary are paused, the replica receives the rest of the
stream, and only then is it promoted. The server itself limits the pause, so that writes
continue even if this process is killed.

`FAILOVER` (since 6.2) does this too, but waits for the replica's own acknowledgement, which
comes once a second (replication.c, replicationCron): measured 0.01 to 1.7 s of paused writes, in
half of the attempts about a second, on five engines; here some milliseconds. `CLUSTER FAILOVER`
without TAKEOVER requests votes, which can mean 5 s of paused writes or worse: a vote for the
same primary is refused for two node timeouts; Valkey 9.1 refuses any while a voter has just
started; and Redis counts a replica's votes of an earlier election again within four node
timeouts (cluster_legacy.c, clusterHandleSlaveFailover; fixed in Valkey, pull request 1274), so
that there are two primaries for a moment. With writes paused and equal offsets, a takeover
without votes is safe: all nodes are known and available.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import replace

from redistopo.client.target import Detail
from redistopo.errors import RedistopoError, TimedOut, Unreachable, UsageError
from redistopo.execute.announce_role import announce_role
from redistopo.execute.context import ExecutionContext
from redistopo.execute.demote_and_promote import TAKE
from redistopo.execute.handover_steps import (
    LEAD_SECONDS,
    PAUSE_SECONDS,
    HandoverState,
    Unanswered,
    await_lead,
    await_offset,
    await_word,
    pause,
)
from redistopo.execute.raise_epoch import await_epoch, raise_epoch
from redistopo.execute.sentinel_failover import call_off, chosen, named
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.endpoint import at_address
from redistopo.model.protocol.replies import parse_info
from redistopo.model.state.observed import Observed, Role
from redistopo.progress import warn
from redistopo.quick_dataclass import dataclass

_AGREE_SECONDS = 10.0
_BROADCAST_SECONDS = 0.05
"""A connected node has received a broadcast long before."""
_NEAR = 1024 * 1024
"""Writes are paused only once a replica is less than this many bytes behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverResult:
    """The former and the new primary. `milliseconds` is the time without writes: from the pause
    until the new primary reported its role; `offset` is its offset in the stream at that time."""

    before: str
    after: str
    milliseconds: float
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A planned failover in a cluster after which the new primary, of that config epoch, accepts
    writes; not every node may report it yet."""

    change: HandoverState
    result: HandoverResult
    epoch: int


def hand_over_shard(
    context: ExecutionContext, to: NodePlan, seen: Observed | None = None
) -> HandoverResult:
    """Promote a replica, until every node reports it as primary and the former one follows it;
    `seen` is a snapshot that was taken just before, if one was.

    Raises RedistopoError if that fails: then the former primary is primary as before and
    accepts writes; or no node is, if the replica stopped replying at that moment, so that there
    are never two primaries that accept writes for one shard.
    """
    if context.plan.topology.clustered:
        made = promote_replica(context, to, seen or context.observe(Detail.HEALTH))
        await_agreement(made.change)
        return made.result
    take = TAKE.get(context.plan.topology.shape)
    if take is None:
        raise UsageError(f"shape {context.plan.topology.shape} has no planned failover")
    change = _change(context, to, seen or context.observe(Detail.HEALTH))
    with chosen(change) if context.plan.sentinels else nullcontext(change) as ready:
        _await_catch_up(ready)
        result = _promoted(ready, take)
        await_agreement(ready)
        return result


def promote_replica(
    context: ExecutionContext,
    to: NodePlan,
    seen: Observed,
    epoch: int = 0,
    *,
    restarts: bool = False,
) -> Promotion:
    """Promote a replica of a cluster, with a config epoch above `epoch`, the highest of those since
    the snapshot `seen`; `restarts` is whether the former primary is restarted next.

    Raises RedistopoError as `hand_over_shard` does. The other nodes are told, but one that has just
    started may not be connected yet.
    """
    change = _change(context, to, seen)
    _await_catch_up(change)
    change = replace(_with_epoch(change, epoch), restarts=restarts)
    result = _promoted(change, _take_cluster)
    told = parse_info(str(context.send(to, "CLUSTER", "INFO")))
    return Promotion(change=change, result=result, epoch=int(told.get("cluster_my_epoch", 0)))


def _promoted(change: HandoverState, take: Callable[[HandoverState], None]) -> HandoverResult:
    """Promote the replica with writes paused, and make the others follow it."""
    before = change.before
    with interrupts_deferred(later=True):
        began = time.monotonic()
        try:
            offset = pause(change)
            await_offset(change, offset)
            take(change)
            milliseconds = (time.monotonic() - began) * 1000
        except Unanswered:
            change.context.send(before, "CLIENT", "UNPAUSE")  # clients then reconnect
            raise
        except RedistopoError as error:
            raise _undone(change, error) from error
        _redirect_clients(change)
    return HandoverResult(
        before=before.name, after=change.to.name, milliseconds=milliseconds, offset=offset
    )


def _change(context: ExecutionContext, to: NodePlan, seen: Observed) -> HandoverState:
    mine = next(node for node in seen.nodes if node.name == to.name)
    if not mine.answers:
        raise RedistopoError(f"{to.name} doesn't reply, so it can't be promoted", detail=mine.error)
    address = mine.follows
    before = next((node for node in context.plan.nodes if node.address == address), None)
    if before is None:
        raise UsageError(f"{to.name} follows no node of this topology, so it can't take over")
    return HandoverState(context=context, before=before, to=to, seen=seen)


def _await_catch_up(change: HandoverState) -> None:
    """Wait until the replica has almost caught up, while writes go on.

    A replica that has just synced is listed as online up to a second before it receives more of
    the stream (replication.c, repl_put_online_on_ack in 6.2).
    """
    marks: list[int] = []

    def look() -> bool | None:
        ahead = int(change.replication(change.before).get("master_repl_offset", 0))
        has = int(change.replication(change.to).get("slave_repl_offset", 0))
        marks.append(ahead)
        return True if has >= marks[0] and ahead - has <= _NEAR else None

    def late() -> TimedOut:
        return TimedOut(
            f"{change.to.name} doesn't catch up with {change.before.name}",
            detail=f"{change.before.name} is at offset {marks[-1]}; nothing was changed",
            hint="the load may be high, or the replica slow; wait longer with --timeout",
        )

    wait_for(look, Deadline(change.context.deadline.left / 2), late)


def _with_epoch(change: HandoverState, known: int) -> HandoverState:
    """Make sure, as far as possible, that a takeover gives the replica the highest epoch."""
    told = {one.name: int(one.cluster.get("cluster_my_epoch", 0)) for one in change.seen.answering}
    highest = max(*told.values(), known)
    await_epoch(change.context, change.to, highest)
    epoch = told.get(change.before.name, highest)
    return replace(change, above=raise_epoch(change.context, change.to, epoch, change.followers))


def _take_cluster(change: HandoverState) -> None:
    """Make the replica take over its primary's slots; or be elected, by a vote of that primary, if
    no other node could raise an epoch."""
    context, to = change.context, change.to
    ahead = int(change.replication(change.before).get("master_repl_offset", 0))
    await_offset(change, ahead)
    try:
        context.send(to, "CLUSTER", "FAILOVER", "TAKEOVER" if change.above else "FORCE")
    except Unreachable:
        await_word(change)
    await_lead(change)


def _redirect_clients(change: HandoverState) -> None:
    """Make the others follow the new primary, and end the pause at the former one: in a cluster,
    Redis 6.2 would make clients wait there for the rest of the pause (issue 9618)."""
    _follow(change)
    try:
        _await_demotion(change)
        change.context.send(change.before, "CLIENT", "UNPAUSE")
    except RedistopoError as error:
        raise _disputed(change, f"{error.message}\n{error.detail}") from error
    engine = change.context.plan.engine
    told = engine.broadcasts_demotion or change.restarts
    if change.context.plan.topology.clustered and not told:
        announce_role(change.context, change.before, (change.to, *change.followers))


def _await_demotion(change: HandoverState) -> None:
    """Wait until the former primary is a replica; writes are still paused there.

    The new primary of a cluster broadcasts its role, but only to the nodes that it is connected
    to: if one of both has just started, not yet to the former primary.
    """
    before, late = change.before, Deadline(_BROADCAST_SECONDS)
    told = not change.context.plan.topology.clustered

    def look() -> bool | None:
        nonlocal told
        if not change.is_primary(before):
            return True
        if late.over and not told:
            announce_role(change.context, change.to, (before,))
            told = True
        return None

    wait_for(
        look,
        Deadline(PAUSE_SECONDS - LEAD_SECONDS),
        lambda: f"{before.name} still reports that it is a primary",
        pause=0.001,
    )


def await_agreement(change: HandoverState) -> None:
    """Wait until every node that replied reports the new primary; raises RedistopoError."""
    last = [""]

    def look() -> bool | None:
        words = (_disagreement(change, node) for node in change.others)
        last[0] = next((word for word in words if word), "")
        return None if last[0] else True

    deadline = Deadline(min(_AGREE_SECONDS, max(1.0, change.context.deadline.left)))
    wait_for(look, deadline, lambda: _disputed(change, last[0]), most=0.03)


def _disputed(change: HandoverState, what: str) -> RedistopoError:
    return RedistopoError(
        f"{change.to.name} is primary, but not all nodes agree",
        detail=what,
        hint="redistopo verify shows whether they agree by now; redistopo up repairs",
    )


def _follow(change: HandoverState) -> None:
    """Make a replication's others follow the new primary; a cluster's do so by themselves."""
    if change.context.plan.topology.clustered:
        return
    for node in change.followers:
        try:
            change.context.send(node, "REPLICAOF", change.to.host, change.to.port)
        except RedistopoError as error:
            warn(change.context.progress, f"{error.message}; redistopo up makes it follow")


def _disagreement(change: HandoverState, node: NodePlan) -> str:
    """What a node reports instead of the new primary; "" if it agrees."""
    to = change.to
    if change.context.plan.topology.clustered:
        table = change.context.cluster_nodes(node)
        # a MEET adds a node at the same address for a moment
        seen = at_address([one for one in table if not one.unknown], to)
        return "" if seen and seen.primary and seen.slots else f"{node.name} doesn't report it yet"
    if node.role is Role.SENTINEL:
        address = named(change, node)
        return "" if address == to.address else f"{node.name} names {address}"
    follows = change.follows(node)
    return "" if follows == to.address else f"{node.name} follows {follows or 'no node'}"


def _undone(change: HandoverState, error: RedistopoError) -> RedistopoError:
    """Restore the former primary, and return the error for the user.

    If the new one was promoted after all, only the pause is ended.
    """
    before, to = change.before, change.to
    leads = False
    with suppress(RedistopoError):
        leads = change.is_primary(to)
    try:
        if not leads:
            call_off(change)
        if not leads and not change.is_primary(before):
            change.context.send(before, "REPLICAOF", "NO", "ONE")
        change.context.send(before, "CLIENT", "UNPAUSE")
    except RedistopoError as worse:
        return RedistopoError(
            f"the failover from {before.name} to {to.name} was not completed",
            detail=f"{error.message}\n{error.detail}\n{worse.message}: {worse.detail}",
            hint="no write was lost; to repair: redistopo up",
        )
    now = f"{to.name} is primary" if leads else f"{before.name} is still primary, with writes"
    return RedistopoError(
        f"the failover from {before.name} to {to.name} failed; {now}",
        detail=f"{error.message}\n{error.detail}".strip(),
        hint=error.hint or "see redistopo verify, then try again",
    )
