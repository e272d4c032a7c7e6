"""`drill failover`: injects a fault under load, measures, judges, and restores the topology."""

import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from redistopo.client.app_entry_point import LoadRequest
from redistopo.client.target import Detail
from redistopo.drill.drill_report import DrillReport
from redistopo.drill.drill_request import DrillRequest, DrillSetup, longest_wait
from redistopo.drill.fault_injection import FaultInjection, FaultSpec
from redistopo.drill.interrupted_drill import (
    application_entry,
    end_drill,
    finish_interrupted_drill,
    take_back,
)
from redistopo.drill.key_cleanup import delete_keys
from redistopo.drill.preflight import check_preflight
from redistopo.drill.run import run_drill
from redistopo.errors import RedistopoError, UsageError
from redistopo.execute.context import ExecutionContext
from redistopo.host.host import Host
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.local_host import LOCAL
from redistopo.host.polling import Deadline
from redistopo.host.process_marks import load_process_mark
from redistopo.host.server_process import started_at
from redistopo.model.planning.impact import losses
from redistopo.model.state.drill_fault import Fault
from redistopo.model.state.drill_intent import DrillIntent, Victim
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.selector import select_one_node
from redistopo.model.state.shards import shards_of
from redistopo.model.topology.project_paths import Layout
from redistopo.ops.up import UpRequest, bring_up
from redistopo.progress import Progress, note, step, warn
from redistopo.project.drill_intent_file import forget_intent, save_intent
from redistopo.project.topology_state_file import node_folder_names
from redistopo.project.trust import may_run
from redistopo.session.health import wait_until_healthy, with_write_probe
from redistopo.session.local_preconditions import refuse_changed_security
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview
from redistopo.session.session import CredentialSource, Session, SessionRequest

_LOCK_SECONDS = 1.0
_HEALTH_SECONDS = 5.0
_REPAIR_SECONDS = 60.0
_REPAIR_UNHEALTHY_SECONDS = 15.0
"""Where it wasn't healthy before, it may never be."""

_SWEEP_SECONDS = 10.0

_UNDO_SECONDS = 30.0
"""A partition of another host ends by itself that long after the drill should have ended it."""


def drill(request: DrillRequest, progress: Progress) -> DrillReport:
    """Inject the fault under load, restore the topology, and judge what clients and servers
    observed.

    Raises UsageError for a selector that doesn't select one node, and for a shape without automatic
    failover; Unhealthy if no replica would take over, or the topology isn't healthy (both unless
    `force`); other RedistopoErrors if it can't be repaired.
    """
    with open_session(drill_session(request.root), progress) as session:
        return drilled(session, request)


def preview_drill(request: DrillRequest) -> Preview:
    """Determine the effects of the fault; nothing is changed."""
    with open_session(replace(drill_session(request.root), lock="")) as session:
        seen = session.observe()
        names = tuple(node.name for node in _victims(seen, request, session.host))
    if request.fault is Fault.NONE:
        return Preview(verb="drill failover", nodes=names)
    turns = (f"{request.fault} {', '.join(names)}, while clients read and write", "repair")
    return Preview(verb="drill failover", nodes=names, turns=turns, losses=losses(seen, names))


def drill_session(root: Path) -> SessionRequest:
    """Build the session request of drills: the lock, and the application's login."""
    return SessionRequest(
        root=root,
        lock="drill",
        verb="drill",
        seconds=_LOCK_SECONDS,
        credentials=CredentialSource.FILE,
    )


def drilled(session: Session, request: DrillRequest) -> DrillReport:
    """Run one drill in an open session; see `drill`."""
    progress = session.progress
    refuse_changed_security(session)
    context = finish_earlier(session)
    _victims(
        context.observe(Detail.HEALTH), request, context.host
    )  # invalid selectors are reported first
    with step(progress, "verify that it is healthy"):
        verdict = wait_until_healthy(
            lambda: with_write_probe(context.observe(Detail.FULL), context.client),
            session.expected,
            Deadline(_HEALTH_SECONDS),
        )
    victims = _victims(verdict.seen, request, context.host)
    doomed = () if request.fault is Fault.NONE else victims
    flight = check_preflight(verdict, doomed, progress, force=request.force)
    scene = DrillSetup(
        context=context,
        request=request,
        seen=verdict.seen,
        victims=victims,
        preflight=flight,
        healthy=verdict.healthy,
        repair=lambda: _repair(
            session, context, _REPAIR_SECONDS if verdict.healthy else _REPAIR_UNHEALTHY_SECONDS
        ),
    )
    return _injure_and_repair(scene)


def finish_earlier(session: Session) -> ExecutionContext:
    """Finish a drill that was interrupted, and return the context for the next one."""
    layout = session.layout
    session.deadline = Deadline(_REPAIR_SECONDS)
    context = session.context(session.plan(_engine(layout)))
    if intent := finish_interrupted_drill(layout, session.progress, session.host):
        _repair(session, take_back(session, intent) or context)
        context = session.context(session.plan(_engine(layout)))
        end_drill(session, context, intent)
    return context


def _engine(layout: Layout) -> str:
    """The server program that the nodes run on: the one to start them with again."""
    for name in node_folder_names(layout):
        mark = load_process_mark(layout.node(name).process)
        program = mark.executable if mark is not None else ""
        if program and Path(program).is_file() and may_run(layout, program):
            return program
    return ""


def _started(layout: Layout, node: NodeSeen) -> float:
    """When a node's process started: as recorded, which is all that is known of another host's."""
    mark = load_process_mark(layout.node(node.name).process)
    return mark.started if mark is not None and mark.pid == node.pid else started_at(node.pid)


def _victims(seen: Observed, request: DrillRequest, machine: Host = LOCAL) -> tuple[NodeSeen, ...]:
    found = {one.name: one for one in (select_one_node(seen, words) for words in request.targets)}
    for node in found.values():
        if not node.answers:
            raise cannot_be_hurt(node)
        here = machine is LOCAL and request.fault is Fault.PARTITION
        if node.role is Role.SENTINEL and here:
            raise UsageError(
                f"{node.name} is a Sentinel, which can't be cut off",
                detail="it connects to all others anew, each second",
                hint="--fault freeze, or kill",
            )
    return tuple(found.values())


def cannot_be_hurt(node: NodeSeen) -> UsageError:
    """Build the error for a drill of a node that doesn't reply."""
    return UsageError(
        f"{node.name} can't be hurt: {node.error}", hint="redistopo up brings it back"
    )


def _injure_and_repair(scene: DrillSetup) -> DrillReport:
    """Measure the drill; however it ends, restore the topology and remove its keys."""
    layout, request = scene.context.plan.layout, scene.request
    load_request = _load_request(scene)
    wound = FaultSpec(
        layout=layout,
        host=scene.context.host,
        fault=request.fault,
        victims=tuple(node.name for node in scene.victims),
        closed=_closed(scene),
        seconds=longest_wait(scene) + _UNDO_SECONDS,
    )
    intent = DrillIntent(
        load=load_request.id,
        began=datetime.now(UTC).isoformat(timespec="milliseconds"),
        fault=request.fault,
        hurt=tuple(
            Victim(node=node.name, pid=node.pid, started=_started(layout, node))
            for node in scene.victims
        ),
    )
    with FaultInjection(wound) as injury:
        save_intent(layout, intent)
        try:
            report = run_drill(scene, injury, load_request)
        except BaseException:  # Ctrl-C too: every fault is undone
            with interrupts_deferred():
                injury.restore()
                _repair_anyway(scene, load_request)
            raise
    if report.healed is not None or not scene.healthy:
        forget_intent(layout)
    return report


def _load_request(scene: DrillSetup) -> LoadRequest:
    hurt = {node.address for node in scene.victims}
    shards = shards_of(scene.seen)
    numbers = {one.number for one in shards if any(node.address in hurt for node in one.nodes)}
    return LoadRequest(
        id=secrets.token_hex(4),
        way=application_entry(scene.seen, scene.context.credentials),
        shards={shard.number: shard.slots for shard in shards},
        nodes={shard.number: tuple(node.endpoint for node in shard.nodes) for shard in shards},
        # a Sentinel is in no shard: then all are observed
        hurt=frozenset(numbers or {shard.number for shard in shards}),
        rate=scene.request.rate,
        clients=scene.request.clients,
        wait_replicas=scene.request.wait_replicas,
    )


def _closed(scene: DrillSetup) -> dict[str, frozenset[int]]:
    """Map each node to the ports at which other servers connect to it: a cluster's bus port;
    otherwise the port of a victim. Clients use that port too: they keep their connections to a
    partitioned node, and can't open new ones."""
    victims = {node.name for node in scene.victims}
    if scene.context.plan.topology.clustered:
        return {node.name: frozenset({node.bus_port}) for node in scene.context.plan.nodes}
    return {
        node.name: frozenset({node.port} if node.name in victims else ())
        for node in scene.context.plan.nodes
    }


def _repair(session: Session, context: ExecutionContext, seconds: float = _REPAIR_SECONDS) -> None:
    """Start every node, and wait until every check passes; raises RedistopoError if that isn't
    possible."""
    again = replace(session.context(context.plan), deadline=Deadline(seconds))
    bring_up(session, again, UpRequest(root=context.plan.layout.root, keep=True), time.monotonic())


def _repair_anyway(scene: DrillSetup, load_request: LoadRequest) -> None:
    """Restore the topology as far as possible; otherwise the record stays for the next command."""
    context = scene.context
    note(context.progress, "the drill ends early: restoring the topology")
    try:
        scene.repair()
        delete_keys(load_request.way, _SWEEP_SECONDS, load_id=load_request.id)
    except RedistopoError as error:
        warn(context.progress, f"not everything was restored: {error.message}; run redistopo up")
        return
    forget_intent(context.plan.layout)
