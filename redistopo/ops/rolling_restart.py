"""The turns of a rolling restart, for `restart`, `upgrade` and `move`: replicas first, never two of
a shard at the same time, then each primary after a planned failover."""

import time
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from dataclasses import replace

from redistopo.errors import Interrupted, MissingPrerequisite, RedistopoError, Unhealthy
from redistopo.execute.context import ExecutionContext
from redistopo.execute.executor import execute
from redistopo.execute.rotate_passwords import restore_old
from redistopo.execute.shutdown import shut_down_saving
from redistopo.host.files import FREE
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline
from redistopo.model.planning.guards import guard, limit_warnings
from redistopo.model.planning.node_start import start_steps, write_steps
from redistopo.model.planning.proposal import Asked, Proposal
from redistopo.model.planning.rolling import Act, Turn, together
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import Step, StepKind, join_names
from redistopo.model.planning.upgrade import without_files
from redistopo.model.protocol.data_files import NAMES, data_file_name, keeps_data
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.observed import Observed, ProcessState, Role
from redistopo.ops.restart_work import Restarted, RestartWork
from redistopo.ops.rolling_handover import hand_over_turns
from redistopo.progress import step, warn
from redistopo.session.failures import explaining_ended_servers
from redistopo.session.health import Known
from redistopo.session.live_change import LiveChange
from redistopo.session.situation import situation, situation_of_restart

_STOP_SHARE = 0.5

_SETTLE_SECONDS = 5.0


def refuse_unready(
    now: LiveChange, names: tuple[str, ...], emptied: frozenset[str] = frozenset()
) -> None:
    """Raise RedistopoError before anything is stopped, if a node could not start again."""
    context = now.context
    seen = without_files(context.with_disks(now.seen), emptied)
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
            rest = left[len(some) :]
            work.left = [one.node for one in rest if one.act is Act.RESTART]
            if some[0].act is Act.RESTART:
                following = together(now.seen, rest, first=work.alone) if rest else ()
                known = work.reconnecting(following) if following else frozenset()
                with step(now.context.progress, "wait until every node agrees"):
                    now.await_health(work.spared | known)
        except RedistopoError as error:
            _tell_left(work, some, left, error)
            raise
        except KeyboardInterrupt:
            raise _interrupted(work, some, left) from None
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
        after = context.observe_for_a_start(now.seen, names)
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
    """Restart these nodes, or promote replicas in the place of these, or these again."""
    if some[0].act is Act.RESTART:
        restart_nodes(work, tuple(one.node for one in some))
    else:
        hand_over_turns(work, some)


def _interrupted(work: RestartWork, some: tuple[Turn, ...], left: list[Turn]) -> Interrupted:
    """Return the error for Ctrl-C, which takes effect between two turns, or in the wait after the
    last one."""
    if not {one.node for one in left} <= {one.node for one in work.restarted}:
        ended = Interrupted("interrupted: the nodes that are left were not restarted")
        _tell_left(work, some, left, ended)
        return ended
    return Interrupted(
        "interrupted: every node was restarted, but they may not all agree yet",
        hint="redistopo verify shows whether they agree by now; redistopo up repairs",
    )


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
