"""`restart`: nodes stop with their data saved, and start with today's configuration."""

import time
from collections.abc import Iterable
from dataclasses import field, replace
from pathlib import Path

from redistopo.errors import ExitCode, RedistopoError, UsageError
from redistopo.execute.handover import HandoverResult
from redistopo.model.planning.impact import losses
from redistopo.model.planning.restart_losses import (
    refuse_unavailable,
    refuse_unsaved,
    unfollowed,
)
from redistopo.model.planning.rolling import Act, RollingOrder, replacements, turns
from redistopo.model.planning.upgrade import refuse_other_bus
from redistopo.model.state.selector import SELECTOR_SYNTAX, select_nodes
from redistopo.model.state.shards import shards_of
from redistopo.ops.failover import hand_over_to
from redistopo.ops.refuse_settings import refuse_settings
from redistopo.ops.restart_work import Restarted, RestartWork
from redistopo.ops.rolling_restart import (
    refuse_unready,
    require_health,
    restart_nodes,
    roll,
    saving,
    unhealthy,
)
from redistopo.progress import Progress, step, warn
from redistopo.quick_dataclass import dataclass
from redistopo.session.live_change import LiveChange, change_request, live_change, unrecorded
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRequest:
    """The nodes (see `select_nodes`), and how: `rolling` replicas first, never two of a shard at
    once, each primary after a planned failover; with `restore` it is promoted again afterwards.
    `force` accepts the loss of unsaved data, and downtime of nodes without a replica. `seconds` is
    the time limit of each node.
    """

    root: Path
    words: tuple[str, ...] = ()
    rolling: bool = False
    restore: bool = False
    force: bool = False
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartResult:
    """The restarted nodes, in order, and the planned failovers in between; `healthy` is false if
    faults from before remain."""

    name: str
    restarted: tuple[Restarted, ...]
    handovers: tuple[HandoverResult, ...]
    seconds: float
    healthy: bool = True
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
        refuse_unready(now, names)
        refuse_settings(now.context, names, _command(request))
        if request.rolling:
            refuse_other_bus(now.seen, plan.engine)
        work = RestartWork(now=now, seconds=request.seconds, force=request.force)
        if request.rolling:
            _roll(work, request, names)
        else:
            _at_once(work, names)
        return RestartResult(
            name=plan.topology.name,
            restarted=tuple(work.restarted),
            handovers=tuple(work.handovers),
            seconds=time.monotonic() - began,
            healthy=not now.faults(),
        )


def _command(request: RestartRequest) -> str:
    """What was typed."""
    words = [*(["--rolling"] if request.rolling else []), *request.words]
    return " ".join(["redistopo", "restart", *words])


def _require_nodes(request: RestartRequest) -> None:
    if not request.words and not request.rolling:
        raise UsageError(
            "restart needs a node",
            detail=f"a node is {SELECTOR_SYNTAX}",
            hint="redistopo restart --rolling restarts all of them, a few at a time",
        )


def preview_restart(request: RestartRequest) -> Preview:
    """Determine the effects of `restart`; raises what it would raise. Nothing is changed."""
    _require_nodes(request)
    asked = replace(change_request("", request.root, request.seconds), verb="restart")
    with open_session(asked) as session:
        now = unrecorded(session)
        names = tuple(node.name for node in select_nodes(now.seen, request.words))
        refuse_unready(now, names)
        refuse_settings(now.context, names, _command(request))
        if request.rolling:
            if failed := now.faults():
                raise unhealthy("\n".join(f"{check}: {about}" for check, about in failed))
            refuse_other_bus(now.seen, now.context.plan.engine)
            refuse_unavailable(now.seen, names, saving(now), force=request.force)
            order = _order(request, now)
            found = tuple(map(str, turns(now.seen, names, order)))
            lost = losses(now.seen, (one.name for one in unfollowed(now.seen, names)))
            return Preview(verb="restart", nodes=names, turns=found, losses=lost)
        shards = shards_of(now.seen) if now.context.plan.sentinels else ()
        first = [one.primary.name for one in shards if one.primary and replacements(one, names)]
        staying = [name for name in _running(now, names) if name not in first]
        refuse_unsaved(now.seen, staying, saving(now), force=request.force)
        lost = losses(now.seen, staying)
        acts = tuple(f"{Act.HAND_OVER} {name}" for name in first)
        return Preview(verb="restart", nodes=names, turns=acts, losses=lost)


def _at_once(work: RestartWork, names: tuple[str, ...]) -> None:
    now = work.now
    _hand_over_first(work, names)
    refuse_unsaved(now.seen, _running(now, names), saving(now), force=work.force)
    known = frozenset((check, about) for check, about in now.faults() if about not in names)
    restart_nodes(work, names)
    with step(now.context.progress, "wait until every node agrees"):
        now.await_health(known)


def _running(now: LiveChange, names: Iterable[str]) -> list[str]:
    return [node.name for node in now.seen.nodes if node.running and node.name in names]


def _hand_over_first(work: RestartWork, names: tuple[str, ...]) -> None:
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
            if not work.force:
                raise
            warn(
                now.context.progress,
                f"{shard.primary.name} is restarted as primary: {error.message}",
            )
        else:
            work.handovers += [done] if done else []


def _roll(work: RestartWork, request: RestartRequest, names: tuple[str, ...]) -> None:
    now = work.now
    require_health(now)
    refuse_unavailable(now.seen, names, saving(now), force=request.force)
    roll(work, turns(now.seen, names, _order(request, now)))


def _order(request: RestartRequest, now: LiveChange) -> RollingOrder:
    """Over several hosts each former primary is promoted again: otherwise one host gets most."""
    return RollingOrder(restore=request.restore or now.session.topology.hosts is not None)
