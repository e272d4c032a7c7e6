"""A planned handover: a replica leads in its primary's place, and no acknowledged write is lost.

In every shape the same: clients' writes to the primary are paused, the replica gets what is
left of the stream, and only then leads. The pause has a limit of its own, kept by the server:
were we killed meanwhile, writes go on by themselves.

`FAILOVER` (since 6.2) does this too, but waits for the replica's own acknowledgement, which
comes once a second (replication.c, replicationCron): measured 0.01 to 1.7 s of paused writes, in
half of the tries about a second, on five engines; here some milliseconds. `CLUSTER FAILOVER`
without TAKEOVER asks for votes, and what it meets is 5 s of paused writes or worse: a vote for
the same primary is refused for two node timeouts; Valkey 9.1 refuses any while a voter has just
started; and Redis counts a replica's votes of an earlier election once more within four node
timeouts (cluster_legacy.c, clusterHandleSlaveFailover; mended in Valkey, pull request 1274), so
that two nodes lead for a moment. With the writes paused by us and the offsets equal, the
takeover without votes is safe: all nodes are known, and here.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass

from redistopo.client.connection import raise_on_error
from redistopo.client.observe import Detail
from redistopo.errors import RedistopoError, TimedOut, Unreachable, UsageError
from redistopo.execute.context import ExecutionContext
from redistopo.execute.handover_steps import (
    LEAD_SECONDS,
    PAUSE_SECONDS,
    HandoverState,
    Unanswered,
    ask,
    await_lead,
    await_offset,
    await_word,
    pause,
)
from redistopo.execute.sentinel_failover import call_off, chosen, named, promote
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.replies import parse_info, parse_nodes
from redistopo.model.state.observed import Role
from redistopo.model.topology.spec import Shape
from redistopo.progress import warn

_AGREE_SECONDS = 10.0
_NEAR = 1024 * 1024
"""Bytes behind at which a replica catches up in a moment; before, writes aren't paused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverResult:
    """Who led and who leads. `milliseconds` without service: from the pause of the writes until
    the new primary said that it leads; `offset` is the byte of the stream at which it did."""

    before: str
    after: str
    milliseconds: float
    offset: int


def hand_over_shard(context: ExecutionContext, to: NodePlan) -> HandoverResult:
    """That replica leads its shard by every node's word, the former primary follows it.

    Raises RedistopoError where it didn't come to that: then the former primary leads as
    before and takes writes; or, where the replica fell silent at the very moment, nobody does,
    for never do two nodes take writes for one shard.
    """
    take = _TAKE.get(context.plan.topology.shape)
    if take is None:
        raise UsageError(f"{context.plan.topology.shape} has no planned handover")
    change = _change(context, to)
    with chosen(change) if context.plan.sentinels else nullcontext(change) as ready:
        _draw_near(ready)
        with interrupts_deferred(later=True):
            began = time.monotonic()
            try:
                offset = pause(ready)
                await_offset(ready, offset)
                take(ready)
                milliseconds = (time.monotonic() - began) * 1000
            except Unanswered:
                context.order(ready.before, "CLIENT", "UNPAUSE")  # clients look elsewhere then
                raise
            except RedistopoError as error:
                raise _undone(ready, error) from error
            _send_on(ready)
        _await_agreement(ready)
    return HandoverResult(
        before=change.before.name, after=to.name, milliseconds=milliseconds, offset=offset
    )


def _change(context: ExecutionContext, to: NodePlan) -> HandoverState:
    seen = context.look(Detail.HEALTH)
    mine = next(node for node in seen.nodes if node.name == to.name)
    if not mine.answers:
        raise RedistopoError(f"{to.name} doesn't reply, so it can't lead", detail=mine.error)
    address = mine.follows
    before = next((node for node in context.plan.nodes if node.address == address), None)
    if before is None:
        raise UsageError(f"{to.name} follows no node of this topology, so none hands over to it")
    return HandoverState(context=context, before=before, to=to, seen=seen)


def _draw_near(change: HandoverState) -> None:
    """The stream flows, and little is left to catch up with; writes go on meanwhile.

    A replica that has just synced is listed as online up to a second before it is sent
    anything more (replication.c, repl_put_online_on_ack in 6.2).
    """
    marks: list[int] = []

    def look() -> bool | None:
        ahead = int(change.replication(change.before).get("master_repl_offset", 0))
        has = int(change.replication(change.to).get("slave_repl_offset", 0))
        marks.append(ahead)
        return True if has >= marks[0] and ahead - has <= _NEAR else None

    try:
        wait_for(look, Deadline(change.context.deadline.left / 2), lambda: "")
    except TimedOut as error:
        raise TimedOut(
            f"{change.to.name} doesn't catch up with {change.before.name}",
            detail=f"{change.before.name} is at byte {marks[-1]}; nothing was changed",
            hint="is the load high, or the replica slow? --timeout gives it longer",
        ) from error


def _take_replication(change: HandoverState) -> None:
    """The primary becomes a replica, and only then its replica leads: were we killed between
    the two, nobody takes writes, and the next `up` lets the former one lead."""
    _demote(change)
    try:
        change.context.order(change.to, "REPLICAOF", "NO", "ONE")
    except Unreachable:
        await_word(change)
    await_lead(change)


def _take_sentinel(change: HandoverState) -> None:
    """The same, but that a Sentinel promotes. It would turn the former primary into a replica
    8 s later (sentinel.c, SENTINEL_PUBLISH_PERIOD * 4), and the two would take writes."""
    _demote(change)
    promote(change)


def _demote(change: HandoverState) -> None:
    """The primary is a replica of the one to lead, which has its very last byte."""
    before, to = change.before, change.to
    replies = ask(
        change,
        before,
        ("MULTI",),
        ("INFO", "replication"),
        ("REPLICAOF", to.host, to.port),
        ("EXEC",),
    )
    done = raise_on_error(replies[-1], f"{before.name}: EXEC")
    info, demoted = done if isinstance(done, list) and len(done) == 2 else ("", done)
    raise_on_error(demoted, f"{before.name}: REPLICAOF")
    # the very last byte: had the pause ended early, a write would show here
    last = int(parse_info(str(info)).get("master_repl_offset", 0))
    has = int(change.replication(to).get("slave_repl_offset", 0))
    if has < last:
        raise RedistopoError(f"{to.name} lacks {last - has} bytes that {before.name} wrote")


def _take_cluster(change: HandoverState) -> None:
    """The replica took over its primary's slots, with an epoch above all others."""
    context, to = change.context, change.to
    highest = max(int(node.cluster.get("cluster_my_epoch", 0)) for node in change.seen.answering)

    def knows() -> bool | None:
        told = parse_info(str(context.order(to, "CLUSTER", "INFO")))
        return True if int(told.get("cluster_current_epoch", 0)) >= highest else None

    wait_for(knows, Deadline(LEAD_SECONDS), lambda: f"{to.name} hasn't heard of epoch {highest}")
    ahead = int(change.replication(change.before).get("master_repl_offset", 0))
    await_offset(change, ahead)
    try:
        context.order(to, "CLUSTER", "FAILOVER", "TAKEOVER")
    except Unreachable:
        await_word(change)
    await_lead(change)


_TAKE: dict[Shape, Callable[[HandoverState], None]] = {
    Shape.REPLICATION: _take_replication,
    Shape.SENTINEL: _take_sentinel,
    Shape.CLUSTER: _take_cluster,
}
"""One function for each shape: with the writes paused and the replica at the last byte, it
leads, and the former primary doesn't (or not for long)."""


def _send_on(change: HandoverState) -> None:
    """The others follow the new primary, and whoever waits at the former one with a write is
    told to go elsewhere: in a cluster, Redis 6.2 would have clients wait there for the rest of
    the pause (issue 9618)."""
    _follow(change)
    before = change.before
    try:
        wait_for(
            lambda: not change.is_primary(before) or None,
            Deadline(PAUSE_SECONDS - LEAD_SECONDS),
            lambda: f"{before.name} still says that it is a primary",
            pause=0.001,
        )
        change.context.order(before, "CLIENT", "UNPAUSE")
    except RedistopoError as error:
        raise _disputed(change, f"{error.message}\n{error.detail}") from error


def _await_agreement(change: HandoverState) -> None:
    """Every node that answered says that the new primary leads."""
    last = [""]

    def look() -> bool | None:
        words = (_contrary(change, node) for node in change.others)
        last[0] = next((word for word in words if word), "")
        return None if last[0] else True

    try:
        wait_for(look, Deadline(min(_AGREE_SECONDS, max(1.0, change.context.deadline.left))), str)
    except TimedOut as error:
        raise _disputed(change, last[0]) from error


def _disputed(change: HandoverState, what: str) -> RedistopoError:
    return RedistopoError(
        f"{change.to.name} leads, but not by every node's word",
        detail=what,
        hint="redistopo verify says whether that has settled; redistopo up mends",
    )


def _follow(change: HandoverState) -> None:
    """In a replication the others follow the new primary; in a cluster they do by themselves."""
    if change.context.plan.topology.clustered:
        return
    for node in change.followers:
        try:
            change.context.order(node, "REPLICAOF", change.to.host, change.to.port)
        except RedistopoError as error:
            warn(change.context.progress, f"{error.message}; redistopo up lets it follow")


def _contrary(change: HandoverState, node: NodePlan) -> str:
    """What a node says against the new primary; "" where it says that this one leads."""
    to = change.to
    if change.context.plan.topology.clustered:
        table = parse_nodes(str(change.context.order(node, "CLUSTER", "NODES")))
        seen = next((one for one in table if one.port == to.port), None)
        return "" if seen and seen.primary and seen.slots else f"{node.name} doesn't say so yet"
    if node.role is Role.SENTINEL:
        said = named(change, node)
        return "" if said == to.address else f"{node.name} names {said}"
    follows = change.follows(node)
    return "" if follows == to.address else f"{node.name} follows {follows or 'nobody'}"


def _undone(change: HandoverState, error: RedistopoError) -> RedistopoError:
    """The former primary leads as before and takes writes; the answer says what happened.

    Unless the new one leads after all: then only the pause ends.
    """
    before, to = change.before, change.to
    leads = False
    with suppress(RedistopoError):
        leads = change.is_primary(to)
    try:
        if not leads:
            call_off(change)
        if not leads and not change.is_primary(before):
            change.context.order(before, "REPLICAOF", "NO", "ONE")
        change.context.order(before, "CLIENT", "UNPAUSE")
    except RedistopoError as worse:
        return RedistopoError(
            f"the handover from {before.name} to {to.name} failed half-way",
            detail=f"{error.message}\n{error.detail}\n{worse.message}: {worse.detail}",
            hint="no write was lost; redistopo up mends it",
        )
    who = f"{to.name} leads" if leads else f"{before.name} leads as before, and takes writes"
    return RedistopoError(
        f"the handover from {before.name} to {to.name} failed; {who}",
        detail=f"{error.message}\n{error.detail}".strip(),
        hint=error.hint or "redistopo verify tells how they are now; then try again",
    )
