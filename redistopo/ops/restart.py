"""`restart`: nodes stop with their data saved, and start with today's configuration."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from redistopo.client.observe import Detail
from redistopo.errors import ExitCode, RedistopoError, Unhealthy, UsageError
from redistopo.execute.context import ExecutionContext
from redistopo.execute.executor import execute
from redistopo.execute.handover import HandoverResult
from redistopo.execute.rotate_passwords import restore_old
from redistopo.execute.shutdown import shut_down_saving
from redistopo.host.polling import Deadline
from redistopo.host.server_process import find_process
from redistopo.model.planning.guards import guard, limit_warnings
from redistopo.model.planning.impact import losses
from redistopo.model.planning.node_start import start_steps, write_steps
from redistopo.model.planning.proposal import Asked, Proposal
from redistopo.model.planning.restart_losses import (
    refuse_unavailable,
    refuse_unsaved,
    unfollowed,
)
from redistopo.model.planning.rolling import Act, Turn, replacements, shard_of, turns
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import Step
from redistopo.model.protocol.data_files import keeps_data
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.observed import Role
from redistopo.model.state.selector import SELECTOR_SYNTAX, select_nodes
from redistopo.model.state.shards import shards_of
from redistopo.ops.failover import hand_over_to
from redistopo.progress import Progress, step, warn
from redistopo.session.failures import explaining_ended_servers
from redistopo.session.live_change import LiveChange, change_request, live_change, unrecorded
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview
from redistopo.session.situation import situation

_STOP_SHARE = 0.5

_SETTLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRequest:
    """The nodes (see `select_nodes`), and how: `rolling` one by one, each primary after a planned
    failover; with `restore` it is promoted again afterwards. `force` accepts the loss of unsaved
    data, and downtime of nodes without a replica. `seconds` is the time limit of each turn.
    """

    root: Path
    words: tuple[str, ...] = ()
    rolling: bool = False
    restore: bool = False
    force: bool = False
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """A node that was restarted: as what, and the seconds from its stop until it was ready."""

    node: str
    role: Role | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartResult:
    """The restarted nodes, in order, and the planned failovers in between; all is healthy except
    for faults from before."""

    name: str
    restarted: tuple[Restarted, ...]
    handovers: tuple[HandoverResult, ...]
    seconds: float
    code: ExitCode = field(default=ExitCode.DONE)


def restart(request: RestartRequest, progress: Progress) -> RestartResult:
    """Restart the selected nodes with their data, and wait until the topology is healthy.

    Raises UsageError if that would lose data or availability without `force`; at the first fault
    RedistopoError with what is done and what is left.
    """
    began = time.monotonic()
    _require_nodes(request)
    asked = change_request("restart", request.root, request.seconds)
    with open_session(asked, progress) as session:
        now = live_change(session)
        plan = now.context.plan
        names = tuple(node.name for node in select_nodes(now.seen, request.words))
        _refuse_unready(now, names)
        work = _Work(now=now, request=request)
        if request.rolling:
            _roll(work, names)
        else:
            _at_once(work, names)
        return RestartResult(
            name=plan.topology.name,
            restarted=tuple(work.restarted),
            handovers=tuple(work.handovers),
            seconds=time.monotonic() - began,
        )


def _require_nodes(request: RestartRequest) -> None:
    if not request.words and not request.rolling:
        raise UsageError(
            "restart needs a node",
            detail=f"a node is {SELECTOR_SYNTAX}",
            hint="redistopo restart --rolling restarts all of them, one by one",
        )


def preview_restart(request: RestartRequest) -> Preview:
    """Determine the effects of `restart`; raises what it would raise. Nothing is changed."""
    _require_nodes(request)
    asked = change_request("", request.root, request.seconds)
    with open_session(asked) as session:
        now = unrecorded(session)
        names = tuple(node.name for node in select_nodes(now.seen, request.words))
        _refuse_unready(now, names)
        if request.rolling:
            if failed := now.faults():
                raise _unhealthy("\n".join(f"{check}: {about}" for check, about in failed))
            refuse_unavailable(now.seen, names, _saving(now), force=request.force)
            found = tuple(map(str, turns(now.seen, names, restore=request.restore)))
            lost = losses(now.seen, (one.name for one in unfollowed(now.seen, names)))
            return Preview(verb="restart", nodes=names, turns=found, losses=lost)
        shards = shards_of(now.seen) if now.context.plan.sentinels else ()
        first = [one.primary.name for one in shards if one.primary and replacements(one, names)]
        staying = [name for name in _running(now, names) if name not in first]
        refuse_unsaved(now.seen, staying, _saving(now), force=request.force)
        lost = losses(now.seen, staying)
        acts = tuple(f"{Act.HAND_OVER} {name}" for name in first)
        return Preview(verb="restart", nodes=names, turns=acts, losses=lost)


@dataclass(slots=True, kw_only=True)
class _Work:
    """One run: what it works on, and what it has done."""

    now: LiveChange
    request: RestartRequest
    restarted: list[Restarted] = field(default_factory=list)
    handovers: list[HandoverResult] = field(default_factory=list)
    handed: set[str] = field(default_factory=set)


def _refuse_unready(now: LiveChange, names: tuple[str, ...]) -> None:
    """Raise RedistopoError before anything is stopped, if a node could not start again."""
    context = now.context
    seen = context.observe(Detail.HEALTH, disk=True)
    found = situation(context, now.session.state, seen)
    steps = tuple(_steps(context, found, names))
    proposal = Proposal(plan=context.plan, now=found, steps=steps, asked=Asked(among=names))
    guard(proposal)
    for text in limit_warnings(proposal):
        warn(context.progress, text)


def _steps(context: ExecutionContext, now: Situation, names: tuple[str, ...]) -> Iterable[Step]:
    """Return the steps that start these nodes with the current configuration, planned primaries
    first: in a replication the others connect to them. A Sentinel maintains its own file."""
    plan = context.plan
    fresh = tuple(name for name in names if name not in now.kept)
    if fresh:
        yield from write_steps(plan, now.seen, fresh, "restart")
    leading = tuple(name for name in names if plan.node(name).role is Role.PRIMARY)
    for some in (leading, tuple(name for name in names if name not in leading)):
        if some:
            yield from start_steps(plan, now, some, "restart")


def _saving(now: LiveChange) -> tuple[str, ...]:
    return tuple(name for name, conf in now.session.rendered.items() if keeps_data(conf))


def _at_once(work: _Work, names: tuple[str, ...]) -> None:
    now = work.now
    _hand_over_first(work, names)
    refuse_unsaved(now.seen, _running(now, names), _saving(now), force=work.request.force)
    known = frozenset((check, about) for check, about in now.faults() if about not in names)
    _restart(work, names)
    with step(now.context.progress, "wait until every node agrees"):
        now.await_health(known)


def _running(now: LiveChange, names: Iterable[str]) -> list[str]:
    return [node.name for node in now.seen.nodes if node.running and node.name in names]


def _hand_over_first(work: _Work, names: tuple[str, ...]) -> None:
    """Perform a planned failover of a primary to restart if there are Sentinels: otherwise they
    would fail over unplanned, or name it to clients in the meantime. Without a candidate it stays
    primary."""
    now = work.now
    for shard in shards_of(now.seen) if now.context.plan.sentinels else ():
        heirs = replacements(shard, names)
        if shard.primary is None or not heirs:
            continue
        try:
            _, done = hand_over_to(now, heirs)
        except RedistopoError as error:
            if not work.request.force:
                raise
            warn(
                now.context.progress,
                f"{shard.primary.name} is restarted as primary: {error.message}",
            )
        else:
            work.handovers += [done] if done else []


def _roll(work: _Work, names: tuple[str, ...]) -> None:
    now, request = work.now, work.request
    _require_health(now)
    refuse_unavailable(now.seen, names, _saving(now), force=request.force)
    left = list(turns(now.seen, names, restore=request.restore))
    while left:
        now.context.deadline = Deadline(request.seconds)
        try:
            _turn(work, left[0])
            with step(now.context.progress, "wait until every node agrees"):
                now.await_health()
        except RedistopoError as error:
            _tell_left(work, left, error)
            raise
        left.pop(0)


def _require_health(now: LiveChange) -> None:
    """Raise Unhealthy if the topology isn't healthy, and doesn't become so in a moment."""
    now.context.deadline = Deadline(min(_SETTLE_SECONDS, now.context.deadline.left))
    try:
        now.await_health()
    except RedistopoError as error:
        raise _unhealthy(f"{error.message}\n{error.detail}") from error


def _unhealthy(detail: str) -> Unhealthy:
    return Unhealthy(
        "the topology is not healthy, so nothing was restarted",
        detail=detail,
        hint="see redistopo verify; redistopo up repairs",
    )


def _turn(work: _Work, turn: Turn) -> None:
    """Do one turn; a planned failover that already happened by itself isn't needed."""
    now = work.now
    if turn.act is Act.RESTART:
        _restart(work, (turn.node,))
        return
    shard = shard_of(now.seen, turn.node)
    leads = shard is not None and shard.primary is not None and shard.primary.name == turn.node
    if turn.act is Act.HAND_OVER and shard is not None and leads:
        _, done = hand_over_to(now, [node.name for node in shard.nodes])
        work.handed.add(turn.node)
    elif turn.act is Act.HAND_BACK and turn.node in work.handed and not leads:
        _, done = hand_over_to(now, [turn.node])
    else:
        return
    if done is not None:
        work.handovers.append(done)


def _tell_left(work: _Work, left: list[Turn], error: RedistopoError) -> None:
    """Add the progress of the restart, and how to continue, to an error."""
    done = ", ".join(one.node for one in work.restarted) or "none"
    waiting = list(dict.fromkeys(one.node for one in left if one.act is Act.RESTART))
    error.detail = "\n".join(
        filter(
            None,
            (
                error.detail,
                f"it failed at: {left[0]}",
                f"restarted before: {done}",
                f"left: {', '.join(waiting) or 'none'}",
            ),
        )
    )
    on = f"to repair: redistopo up; to continue: redistopo restart --rolling {' '.join(waiting)}"
    error.hint = joined(error.hint, on, by="; ")


def _restart(work: _Work, names: tuple[str, ...]) -> None:
    """Restart these nodes with their data, until they are ready."""
    now, context = work.now, work.now.context
    layout = context.plan.layout
    running = [name for name in names if find_process(layout, name)]
    roles = {node.name: node.role for node in now.seen.nodes}
    began = time.monotonic()
    command = f"redistopo restart {' '.join(names)}"
    shutdown = now.session.shutdown(now.seen, lossy=work.request.force, command=command)
    shut_down_saving(
        shutdown, running, Deadline(context.deadline.left * _STOP_SHARE), context.progress
    )
    for node in context.nodes(names):
        context.client.close(node.endpoint)
    with explaining_ended_servers(context):
        after = context.observe(Detail.PROCESS, disk=True)
        found = situation(context, now.session.state, after)
        execute(context, tuple(_steps(context, found, names)))
        restore_old(context, now.session.rotation)
    took = time.monotonic() - began
    work.restarted += [Restarted(node=one, role=roles.get(one), seconds=took) for one in names]
    if (record := now.session.state) is not None:
        now.session.save_state(replace(record, engine=context.plan.engine.name))
