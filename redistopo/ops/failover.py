"""`failover`: a planned handover of one shard, with no acknowledged write lost."""

import time
from collections.abc import Iterable
from dataclasses import field
from pathlib import Path

from redistopo.errors import ExitCode
from redistopo.execute.handover import HandoverResult, hand_over_shard
from redistopo.model.planning.handover import HandoverPlan, plan_handover
from redistopo.model.state.selector import select_nodes
from redistopo.model.state.shards import ShardSeen, shards_of
from redistopo.progress import Progress, note, step
from redistopo.quick_dataclass import dataclass
from redistopo.session.health import Known
from redistopo.session.live_change import LiveChange, change_request, live_change, unrecorded
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverRequest:
    """The folder, the selected nodes (see `select_nodes`), and the time limit in seconds."""

    root: Path
    words: tuple[str, ...] = ()
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverResult:
    """The shard's current primary; `handover` is None if it was primary already."""

    name: str
    shard: ShardSeen
    handover: HandoverResult | None
    seconds: float
    code: ExitCode = field(default=ExitCode.DONE)


def failover(request: FailoverRequest, progress: Progress) -> FailoverResult:
    """Promote the selected node, or the best of several; nothing else changes.

    Raises RedistopoError if that fails; then the shard has its former primary, with writes.
    """
    began = time.monotonic()
    asked = change_request("failover", request.root, request.seconds)
    with open_session(asked, progress) as session:
        now = live_change(session, assume=True)
        found, done = hand_over_to(now, request.words)
        leader = found.after.name
        shards = shards_of(now.seen)
        return FailoverResult(
            name=now.session.topology.name,
            shard=next(one for one in shards if one.primary and one.primary.name == leader),
            handover=done,
            seconds=time.monotonic() - began,
        )


def preview_failover(request: FailoverRequest) -> Preview:
    """Determine the effects of `failover`; raises what it would raise. Nothing is changed."""
    with open_session(change_request("", request.root, request.seconds)) as session:
        now = unrecorded(session, assume=True)
        found = plan_failover(now, request.words)
    if found.before.name == found.after.name:
        return Preview(verb="failover", nodes=())
    turn = (
        f"promote {found.after.name} in place of {found.before.name}; writes wait for that moment"
    )
    return Preview(verb="failover", nodes=(found.after.name,), turns=(turn,))


def plan_failover(now: LiveChange, words: Iterable[str]) -> HandoverPlan:
    """Plan the failover that the selectors mean, by the last snapshot; raises RedistopoError if it
    isn't possible."""
    if len(now.seen.nodes) == 1:
        plan_handover(now.seen, now.seen.nodes)
    return plan_handover(now.seen, select_nodes(now.seen, tuple(words)))


def hand_over_to(
    now: LiveChange, words: Iterable[str], known: Known = frozenset(), *, just_seen: bool = False
) -> tuple[HandoverPlan, HandoverResult | None]:
    """Perform the planned failover that the selectors mean, until every node agrees; the result is
    None if that node is primary already.

    Faults from before, and `known` ones, may remain. With `just_seen` the last snapshot is as good
    as a new one. Raises RedistopoError if it isn't possible.
    """
    found = plan_failover(now, words)
    if found.before.name == found.after.name:
        other = f"redistopo failover shard:{found.shard}"
        note(
            now.context.progress, f"{found.after.name} is primary already; for another one: {other}"
        )
        return found, None
    known |= now.faults()
    with step(now.context.progress, f"hand over from {found.before.name} to {found.after.name}"):
        to = now.context.plan.node(found.after.name)
        done = hand_over_shard(now.context, to, now.seen if just_seen else None)
    with step(now.context.progress, "wait until every node agrees"):
        now.await_health(known)
    return found, done
