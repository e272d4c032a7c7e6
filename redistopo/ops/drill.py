"""`drill failover`: break it on purpose under load, measure, judge, and mend, always."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from redistopo.client.connection import Asker
from redistopo.client.entry_point import LoadRequest
from redistopo.client.observe import Depth
from redistopo.drill import key_cleanup as sweep
from redistopo.drill.fault_injection import Injury, Wound
from redistopo.drill.preflight import preflight
from redistopo.drill.recover import release, tidy, way_in
from redistopo.drill.report import DrillReport
from redistopo.drill.run import measure
from redistopo.drill.setup import DrillRequest, Scene
from redistopo.errors import RedistopoError, WrongRequest
from redistopo.execute.context import Hands
from redistopo.host.interrupt import uninterrupted
from redistopo.host.polling import Deadline
from redistopo.host.process import started_at
from redistopo.host.process_marks import load_mark, recorded_nodes
from redistopo.model.state.drill_intent import Hurt, Intent
from redistopo.model.state.fault import Fault
from redistopo.model.state.observed import NodeSeen, Observed, Role, shards_of
from redistopo.model.state.selector import select_one
from redistopo.model.topology.layout import Layout
from redistopo.ops.up import UpRequest, bring_up
from redistopo.progress import Tell, note, step, warn
from redistopo.project.drill_intent_file import forget_intent, save_intent
from redistopo.project.load import Project, load, plan_of
from redistopo.project.lock import locked
from redistopo.project.passwords import keys
from redistopo.project.progress_log import recorded
from redistopo.project.secrets import discreet
from redistopo.project.started import configs, nothing_started, refuse_other_locks
from redistopo.session.health import Verdict, settle, with_proof
from redistopo.session.situation import expected

_LOCK_SECONDS = 1.0
_HEALTH_SECONDS = 5.0
_MEND_SECONDS = 60.0
_MEND_ILL_SECONDS = 15.0
"""Where it wasn't healthy before, it may never be."""

_SWEEP_SECONDS = 10.0


def drill(request: DrillRequest, tell: Tell) -> DrillReport:
    """The fault was done under load and mended; what clients and servers saw of it, judged.

    Raises WrongRequest for a selector that means no one node, and for a shape without
    automatic failover; FaultFound where no replica would take over, or where the topology
    isn't healthy (both unless `force`); other RedistopoErrors where it can't be mended.
    """
    with drill_ground(request.root, tell) as (project, told):
        return drilled(project, request, told)


@contextmanager
def drill_ground(root: Path, tell: Tell) -> Iterator[tuple[Project, Tell]]:
    """The project, locked for drills; raises RedistopoError where nothing was started."""
    project = load(root)
    layout = project.layout
    if not configs(layout):
        raise nothing_started(layout)
    with (
        locked(layout, "drill", Deadline(_LOCK_SECONDS), tell),
        recorded(layout, "drill", tell) as told,
        discreet(layout),
    ):
        yield project, told


def drilled(project: Project, request: DrillRequest, tell: Tell) -> DrillReport:
    """One drill, under a lock that the caller holds; see `drill`."""
    refuse_other_locks(project.topology, project.layout)
    plan = plan_of(project, _engine(project.layout))
    held = keys(project.topology, project.layout)
    with Asker(held) as asker:
        hands = Hands(
            plan=plan, keys=held, asker=asker, deadline=Deadline(_MEND_SECONDS), tell=tell
        )
        if release(project.layout, tell):
            _mend(hands)
            tidy(project.layout, hands.look(Depth.HEALTH), held, tell)
        _victims(hands.look(Depth.HEALTH), request)  # wrong words are told before all else
        verdict = _look(hands)
        victims = _victims(verdict.seen, request)
        doomed = () if request.fault is Fault.NONE else victims
        flight = preflight(verdict, doomed, tell, force=request.force)
        scene = Scene(
            hands=hands,
            request=request,
            seen=verdict.seen,
            victims=victims,
            flight=flight,
            well=verdict.healthy,
            mend=lambda: _mend(hands, _MEND_SECONDS if verdict.healthy else _MEND_ILL_SECONDS),
        )
        return _hurt_and_mend(scene)


def _engine(layout: Layout) -> str:
    """The server program that the nodes run on: the one to start them with again."""
    for name in recorded_nodes(layout):
        mark = load_mark(layout.node(name).process)
        if mark is not None and mark.executable and Path(mark.executable).is_file():
            return mark.executable
    return ""


def _look(hands: Hands) -> Verdict:
    layout, topology = hands.plan.layout, hands.plan.topology
    paths = {node.name: str(node.folder.config) for node in hands.plan.nodes}
    wanted = expected(topology, configs(layout), paths)
    with step(hands.tell, "verify that it is well"):
        return settle(
            lambda: with_proof(hands.look(Depth.FULL), hands.asker),
            wanted,
            Deadline(_HEALTH_SECONDS),
        )


def _victims(seen: Observed, request: DrillRequest) -> tuple[NodeSeen, ...]:
    found = {one.name: one for one in (select_one(seen, words) for words in request.targets)}
    for node in found.values():
        if not node.answers:
            raise WrongRequest(
                f"{node.name} can't be hurt: {node.error}",
                hint="redistopo up brings it back",
            )
        if node.role is Role.SENTINEL and request.fault is Fault.PARTITION:
            raise WrongRequest(
                f"{node.name} is a Sentinel, which can't be cut off",
                detail="it connects to all others anew, each second",
                hint="--fault freeze, or kill",
            )
    return tuple(found.values())


def _hurt_and_mend(scene: Scene) -> DrillReport:
    """What is measured; whatever ends it, the topology is mended, and no key of it is left."""
    layout, request = scene.hands.plan.layout, scene.request
    load_request = _load_request(scene)
    wound = Wound(
        layout=layout,
        fault=request.fault,
        victims=tuple(node.name for node in scene.victims),
        closed=_closed(scene),
    )
    intent = Intent(
        load=load_request.id,
        began=datetime.now(UTC).isoformat(timespec="milliseconds"),
        fault=request.fault,
        hurt=tuple(
            Hurt(node=node.name, pid=node.pid, started=started_at(node.pid))
            for node in scene.victims
        ),
    )
    with Injury(wound) as injury:
        save_intent(layout, intent)
        try:
            report = measure(scene, injury, load_request)
        except BaseException:  # Ctrl-C too: nothing stays hurt
            with uninterrupted():
                injury.heal()
                _mend_anyway(scene.hands, load_request)
            raise
    if report.healed is not None or not scene.well:
        forget_intent(layout)
    return report


def _load_request(scene: Scene) -> LoadRequest:
    hurt = {node.address for node in scene.victims}
    shards = shards_of(scene.seen)
    numbers = {one.number for one in shards if any(node.address in hurt for node in one.nodes)}
    return LoadRequest(
        id=secrets.token_hex(4),
        way=way_in(scene.seen, scene.hands.keys),
        shards={shard.number: shard.slots for shard in shards},
        # a Sentinel is in no shard: then all are looked at
        hurt=frozenset(numbers or {shard.number for shard in shards}),
        rate=scene.request.rate,
        clients=scene.request.clients,
        wait_replicas=scene.request.wait_replicas,
    )


def _closed(scene: Scene) -> dict[str, frozenset[int]]:
    """By node, where servers connect to it: a cluster's bus; else where clients do, too, which
    then reach a node that is cut off by the connections that they have, and by no new one."""
    victims = {node.name for node in scene.victims}
    if scene.hands.plan.topology.clustered:
        return {node.name: frozenset({node.bus_port}) for node in scene.hands.plan.nodes}
    return {
        node.name: frozenset({node.port} if node.name in victims else ())
        for node in scene.hands.plan.nodes
    }


def _mend(hands: Hands, seconds: float = _MEND_SECONDS) -> None:
    """Every node runs, and every check passes; raises RedistopoError where that can't be."""
    again = Hands(
        plan=hands.plan,
        keys=hands.keys,
        asker=hands.asker,
        deadline=Deadline(seconds),
        tell=hands.tell,
    )
    bring_up(again, UpRequest(root=hands.plan.layout.root, keep=True), time.monotonic())


def _mend_anyway(hands: Hands, load_request: LoadRequest) -> None:
    """All is as before, as far as that can be; else it stays on record for the next command."""
    note(hands.tell, "the drill ends early: what it did is mended")
    try:
        _mend(hands)
        sweep(load_request.way, _SWEEP_SECONDS, load_id=load_request.id)
    except RedistopoError as error:
        warn(hands.tell, f"not all is mended: {error.message}; redistopo up goes on with it")
        return
    forget_intent(hands.plan.layout)
