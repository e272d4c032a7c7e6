"""The turns of a rolling restart, for `restart`, `upgrade` and `move`: replicas first, never two of
a shard at the same time, then each primary after a planned failover."""

import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import field, replace

from redistopo.checks.catalogue import CHECKS
from redistopo.client.target import Detail
from redistopo.errors import Interrupted, MissingPrerequisite, RedistopoError, Unhealthy
from redistopo.execute.context import ExecutionContext
from redistopo.execute.executor import execute
from redistopo.execute.handover import HandoverResult
from redistopo.execute.rotate_passwords import restore_old
from redistopo.execute.shutdown import shut_down_saving
from redistopo.host.files import FREE
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline
from redistopo.model.planning.guards import guard, limit_warnings
from redistopo.model.planning.node_start import start_steps, write_steps
from redistopo.model.planning.proposal import Asked, Proposal
from redistopo.model.planning.rolling import Act, Turn, shard_of, together
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import Step, StepKind, join_names
from redistopo.model.planning.upgrade import unlinked, without_files
from redistopo.model.protocol.data_files import NAMES, data_file_name, keeps_data
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.observed import Observed, ProcessState, Role
from redistopo.ops.failover import hand_over_to
from redistopo.progress import step, warn
from redistopo.quick_dataclass import dataclass
from redistopo.session.failures import explaining_ended_servers
from redistopo.session.health import LINKS_TO, Known
from redistopo.session.live_change import LiveChange
from redistopo.session.situation import situation, situation_of_restart

_STOP_SHARE = 0.5

_SETTLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """A node that was restarted: as what, and the seconds from its stop until it was ready."""

    node: str
    role: Role | None
    seconds: float


@dataclass(slots=True, kw_only=True)
class RestartWork:
    """One run: what it works on, and what it has done.

    `seconds` is the time limit of each node; `back` is the command that goes back to the former
    engine, "" if the engine is not changed; `emptied` are nodes that start without their files,
    which the engine can't read, and copy their primary. `stopped` is called with a node that is to
    start again, `started` once it is ready; `ways` says how an interrupted change goes on or back;
    `known` are faults that may remain; with `alone` no two nodes restart at the same time.
    """

    now: LiveChange
    seconds: float
    force: bool = False
    emptied: frozenset[str] = frozenset()
    back: str = ""
    ways: str = ""
    known: Known = frozenset()
    alone: bool = False
    stopped: Callable[[str], None] = lambda _name: None
    started: Callable[[str], None] = lambda _name: None
    restarted: list[Restarted] = field(default_factory=list)
    handovers: list[HandoverResult] = field(default_factory=list)
    handed: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)

    @property
    def spared(self) -> Known:
        """The faults of nodes that the remaining turns cure."""
        return self.known | faults_of_nodes(unlinked(self.now.seen, self.left))


def faults_of_nodes(names: Iterable[str]) -> Known:
    """Return all faults that nodes can have."""
    return frozenset((check.id, name) for name in names for check in CHECKS)


def refuse_unready(
    now: LiveChange, names: tuple[str, ...], emptied: frozenset[str] = frozenset()
) -> None:
    """Raise RedistopoError before anything is stopped, if a node could not start again."""
    context = now.context
    seen = without_files(context.observe(Detail.HEALTH, disk=True), emptied)
    found = situation(context, now.session.state, seen)
    steps = tuple(_steps(context, found, names))
    proposal = Proposal(plan=context.plan, now=found, steps=steps, asked=Asked(among=names))
    guard(proposal)
    for text in limit_warnings(proposal):
        warn(context.progress, text)


def saving(now: LiveChange) -> tuple[str, ...]:
    """Return the nodes with persistence."""
    return tuple(name for name, conf in now.session.rendered.items() if keeps_data(conf))


def roll(work: RestartWork, todo: Iterable[Turn]) -> None:
    """Do the turns, each once the topology is healthy again; restarts of replicas of different
    shards at the same time, after the first one.

    Raises RedistopoError at the first fault, with what is done and what is left.
    """
    now, left = work.now, list(todo)
    while left:
        some = together(now.seen, left, first=work.alone or not work.restarted)
        now.context.deadline = Deadline(work.seconds * len(some))
        work.left = list(dict.fromkeys(one.node for one in left if one.act is Act.RESTART))
        try:
            # a node that was stopped is started again before Ctrl-C has its effect
            with interrupts_deferred(later=True) if some[0].act is Act.RESTART else nullcontext():
                _turn(work, some)
            work.left = [one.node for one in left[len(some) :] if one.act is Act.RESTART]
            if some[0].act is not Act.HAND_OVER:
                with step(now.context.progress, "wait until every node agrees"):
                    now.await_health(work.spared | _reconnecting(now, some, left[len(some) :]))
        except RedistopoError as error:
            _tell_left(work, some, left, error)
            raise
        except KeyboardInterrupt:
            ended = Interrupted("interrupted: the nodes that are left were not restarted")
            _tell_left(work, some, left, ended)
            raise ended from None
        del left[: len(some)]


def require_health(now: LiveChange, known: Known = frozenset()) -> None:
    """Raise Unhealthy if the topology isn't healthy, and doesn't become so in a moment."""
    now.context.deadline = Deadline(min(_SETTLE_SECONDS, now.context.deadline.left))
    spared = {about for _check, about in known}
    if gone := [
        node.name
        for node in now.seen.nodes
        if node.process is ProcessState.ABSENT and node.name not in spared
    ]:
        raise Unhealthy(
            "the topology is not healthy, so nothing was restarted",
            detail=f"not running: {join_names(gone)}",
            hint="redistopo up, then the same command again",
        )
    try:
        now.await_health(known)
    except RedistopoError as error:
        raise unhealthy(f"{error.message}\n{error.detail}") from error


def unhealthy(detail: str) -> Unhealthy:
    """Return the error for a topology in which no node may be stopped."""
    return Unhealthy(
        "the topology is not healthy, so nothing was restarted",
        detail=detail,
        hint="see redistopo verify; redistopo up repairs",
    )


def restart_nodes(work: RestartWork, names: tuple[str, ...]) -> None:
    """Restart these nodes with their data, until they are ready.

    Raises MissingPrerequisite before any is stopped if their files can't be written; and if one
    doesn't stop, RedistopoError once the others are started again.
    """
    now, context = work.now, work.now.context
    _refuse_full_disk(context, names)
    layout = context.plan.layout
    running = [name for name in names if now.session.host.processes.find(layout, name)]
    roles = {node.name: node.role for node in now.seen.nodes}
    began = time.monotonic()
    command = f"redistopo restart {' '.join(names)}"
    shutdown = now.session.shutdown(now.seen, lossy=work.force, command=command)
    stop = Deadline(context.deadline.left * _STOP_SHARE)
    try:
        shut_down_saving(shutdown, running, stop, context.progress)
    except RedistopoError:
        ended = tuple(one for one in running if not now.session.host.processes.find(layout, one))
        if len(ended) < len(running):
            with suppress(RedistopoError):  # the first error says more
                _start_again(work, ended)
        raise
    _start_again(work, names)
    took = time.monotonic() - began
    work.restarted += [Restarted(node=one, role=roles.get(one), seconds=took) for one in names]
    if (record := now.session.state) is not None:
        now.session.save_state(replace(record, engine=context.plan.engine.name))


def _start_again(work: RestartWork, names: tuple[str, ...]) -> None:
    """Start nodes that were stopped, with their data, until they are ready."""
    now, context = work.now, work.now.context
    for node in context.nodes(names):
        context.client.close(node.endpoint)
        work.stopped(node.name)
    with explaining_ended_servers(context):
        after = context.observe_for_a_start()
        aside = tuple(name for name in names if name in work.emptied)
        left = without_files(after, aside)
        found = situation_of_restart(context, now.session.state, left, names)
        execute(context, (*_put_aside(found, after, aside), *_steps(context, found, names)))
        restore_old(context, now.session.rotation)
        for name in names:
            work.started(name)


def _refuse_full_disk(context: ExecutionContext, names: tuple[str, ...]) -> None:
    """On a full disk a node can be stopped, but its configuration can't be written."""
    for node in context.nodes(names):
        if context.host.files.disk_full(node.folder.root):
            raise MissingPrerequisite(
                f"the disk of {node.name} is full, so it could not start again",
                detail=f"{node.folder.root}\n{node.name} was not stopped",
                hint=FREE,
            )


def _put_aside(now: Situation, seen: Observed, names: tuple[str, ...]) -> Iterable[Step]:
    """Keep files that the engine can't read under another name: the node copies its primary."""
    found = {}
    for node in (one for one in seen.nodes if one.name in names):
        conf = now.wanted[node.name]
        files = {directive: data_file_name(conf, directive) for directive in NAMES}
        found[node.name] = {what: name for what, name in files.items() if node.on_disk.holds(name)}
    there = {name: files for name, files in found.items() if files}
    if there:
        why = "the engine can't read them; the data is copied from the primary"
        yield Step(do=StepKind.ASIDE, nodes=tuple(there), cause=why, settings=there)


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


def _turn(work: RestartWork, some: tuple[Turn, ...]) -> None:
    """Restart these nodes, or do the one turn; a planned failover that already happened by itself
    isn't needed."""
    now, turn = work.now, some[0]
    if turn.act is Act.RESTART:
        restart_nodes(work, tuple(one.node for one in some))
        return
    shard = shard_of(now.seen, turn.node)
    leads = shard is not None and shard.primary is not None and shard.primary.name == turn.node
    if turn.act is Act.HAND_OVER and shard is not None and leads:
        to = [turn.to] if turn.to else [node.name for node in shard.nodes]
        gated = bool(work.restarted or work.handovers)  # by the health of a moment ago
        known = _settled_by_restart(work, turn.node)
        _, done = hand_over_to(now, to, known, just_seen=gated)
        work.handed.add(turn.node)
    elif turn.act is Act.HAND_BACK and turn.node in work.handed and not leads:
        _, done = hand_over_to(now, [turn.node], just_seen=True)
    else:
        return
    if done is not None:
        work.handovers.append(done)


def _reconnecting(now: LiveChange, done: tuple[Turn, ...], left: list[Turn]) -> Known:
    """Bus links to nodes of the turns that are done, if the next one is in another shard: other
    nodes open theirs again within 0.1 s (cluster_legacy.c, clusterCron), which is as long as the
    next turn takes, and then they must be there."""
    after = shard_of(now.seen, left[0].node) if left else None
    shards = {one.node: shard_of(now.seen, one.node) for one in done} if after else {}
    return frozenset(
        (LINKS_TO, name)
        for name, shard in shards.items()
        if after and shard and shard.number != after.number
    )


def _settled_by_restart(work: RestartWork, name: str) -> Known:
    """The faults that end when this former primary, and others before it, are restarted, which are
    the next turns: the others learn their roles by gossip, up to half a node timeout later, or when
    they connect again; and an older engine can't synchronize fully with a newer primary."""
    views = frozenset(("cluster.agreement", node.name) for node in work.now.seen.nodes)
    waiting = {name, *(work.handed & {*work.left})}
    return views | faults_of_nodes(waiting if work.back else [])


def _tell_left(
    work: RestartWork, some: tuple[Turn, ...], left: list[Turn], error: RedistopoError
) -> None:
    """Add the progress of the restart, and how to continue, to an error."""
    names = [one.node for one in work.restarted]
    done = ", ".join(names) or "none"
    waiting = [one.node for one in left if one.act is Act.RESTART and one.node not in names]
    at = f"{some[0]}" + "".join(f", {one.node}" for one in some[1:])
    error.detail = "\n".join(
        filter(
            None,
            (
                error.detail,
                f"it {'stopped' if isinstance(error, Interrupted) else 'failed'} at: {at}",
                f"restarted before: {done}",
                f"left: {', '.join(waiting) or 'none'}",
            ),
        )
    )
    again = "redistopo upgrade"
    if not work.back:
        again = f"redistopo restart --rolling {' '.join(waiting)}"
    back = work.back and f"to go back: {work.back}"
    on = f"to repair: redistopo up; to continue: {again}"
    error.hint = joined(error.hint, work.ways or on, back, by="; ")
