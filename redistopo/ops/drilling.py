"""The measured part of a drill: load, fault, recovery, mending, check."""

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from redistopo import __version__
from redistopo.drills.injury import Injury
from redistopo.drills.load import Load, LoadRequest
from redistopo.drills.witness import Watched, Witnesses
from redistopo.errors import RedistopoError, TimedOut
from redistopo.events import step, warn
from redistopo.form.hands import Hands
from redistopo.model.drill import (
    Budget,
    DrillReport,
    Moment,
    MomentKind,
    Traffic,
    client_moments,
    judged,
    traffic_of,
    writes_of,
)
from redistopo.model.drill_log import Told, told
from redistopo.model.drill_timeline import Heard, timeline
from redistopo.model.fault import Fault
from redistopo.model.load import LoadSeen
from redistopo.model.observed import NodeSeen, Observed, Role, shards_of
from redistopo.ops.preflight import Preflight
from redistopo.ops.restoring import restore_roles
from redistopo.world.files import size_of, written_since
from redistopo.world.observe import Depth
from redistopo.world.waiting import Deadline, wait_for

if TYPE_CHECKING:
    from redistopo.ops.drill import DrillRequest

_WARM_SECONDS = 10.0
_BEFORE_SECONDS = 1.5
_AFTER_SECONDS = 1.0
_CHECK_SECONDS = 20.0
_SERVED_SECONDS = 10.0
_GRACE_SECONDS = 3.0
"""Beyond the node timeout; by then an election is over, or nobody is elected."""

_SENTINEL_SECONDS = 4.0
"""What Sentinels need beyond: they look at everything once a second."""

_MOST_WITNESSES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A drill about to be done: `seen` before the fault, `well` or not; `mend` brings all
    back, or raises."""

    hands: Hands
    request: "DrillRequest"
    seen: Observed
    victims: tuple[NodeSeen, ...]
    flight: Preflight
    well: bool
    mend: Callable[[], None]

    @property
    def hurt(self) -> frozenset[str]:
        return frozenset(node.name for node in self.victims)


@dataclass(slots=True, kw_only=True)
class _Course:
    """How it went so far; `healed` in seconds after the fault, None as long as it isn't."""

    moments: list[Moment] = field(default_factory=list)
    taken_over: bool = False
    healed: float | None = None
    trouble: str = ""


def measure(scene: Scene, injury: Injury, load_request: LoadRequest) -> DrillReport:
    """The report of a drill that came to its end; all is mended, and no key of it is left.

    Where the topology doesn't become healthy again, the report says so, and nothing is raised.
    """
    hands, course = scene.hands, _Course()
    logs = {node.name: size_of(node.folder.log) for node in hands.plan.nodes}
    with ExitStack() as stack:
        load = stack.enter_context(Load(load_request))
        witnesses = stack.enter_context(Witnesses(_watched(scene), hands.keys))
        _warm(scene, load)
        with step(hands.tell, _blow(scene)):
            injury.strike()
        _recover(scene, injury, _Eyes(load, witnesses), course)
        _mend(scene, injury, load, course)
        load.stop()
        seen = load.check(_CHECK_SECONDS)
        if scene.request.restore_roles:
            _restore(scene, course, injury.at)
        load.clean(_CHECK_SECONDS)
    heard = Heard(
        clock=injury.clock,
        victims=scene.hurt,
        logs=(*_logged(scene, logs), *witnesses.heard),
        asked=witnesses.told,
    )
    course.moments += timeline(heard)
    return _report(scene, injury, seen, course)


@dataclass(frozen=True, slots=True)
class _Eyes:
    load: Load
    witnesses: Witnesses


def _watched(scene: Scene) -> Watched:
    """Replicas of the hurt shards, then others; a node cut off still answers us."""
    hurt = scene.hurt
    near = [
        node
        for shard in shards_of(scene.seen)
        if any(one.name in hurt for one in shard.nodes)
        for node in shard.nodes
    ]
    rest = [node for node in scene.seen.answering if node not in near]
    able = [
        node
        for node in (*near, *rest)
        if node.name not in hurt or scene.request.fault is Fault.PARTITION
    ]
    asked = [node for node in able if node.role is not Role.SENTINEL][:_MOST_WITNESSES]
    return Watched(
        witnesses={node.name: (node.host, node.port) for node in asked},
        sentinels={node.name: (node.host, node.port) for node in able if node not in asked},
        names=_ids(scene),
        about=hurt,
        clustered=scene.hands.plan.topology.clustered,
    )


def _ids(scene: Scene) -> dict[str, str]:
    """Ids and addresses of nodes -> their names."""
    found = {node.address: node.name for node in scene.seen.nodes}
    found |= {node.myself.id: node.name for node in scene.seen.answering if node.myself}
    peers = (
        peer for node in scene.seen.sentinels for watch in node.watches for peer in watch.sentinels
    )
    return found | {peer.id: found.get(peer.address, peer.address) for peer in peers}


def _warm(scene: Scene, load: Load) -> None:
    request = scene.request
    with step(scene.hands.tell, f"load: {request.clients} clients, {request.rate} operations/s"):
        if why := load.warm(_WARM_SECONDS):
            if not request.force:
                raise RedistopoError(
                    "the load's clients aren't served, before anything was done",
                    detail=why,
                    hint="redistopo verify tells why",
                )
            warn(scene.hands.tell, why)
        _linger(_BEFORE_SECONDS)


def _linger(seconds: float) -> None:
    with suppress(TimedOut):
        wait_for(lambda: None, Deadline(seconds), lambda: "")


def _blow(scene: Scene) -> str:
    names = ", ".join(node.name for node in scene.victims)
    return f"{scene.request.fault.value} {names}: {scene.request.fault.story}"


def _patience(scene: Scene) -> float:
    """How long to wait for an election to be over, or to be sure that nobody misses one."""
    needed = _quiet_seconds(scene)
    topology = scene.hands.plan.topology
    if scene.flight.heirs:
        found = topology.node_timeout if topology.clustered else topology.down_after
        needed = found / 1000 + (0.0 if topology.clustered else _SENTINEL_SECONDS)
    return max(scene.request.budget, needed + _GRACE_SECONDS)


def _recover(scene: Scene, injury: Injury, eyes: _Eyes, course: _Course) -> None:
    """Replicas have taken over and clients are served, or patience is over."""
    deadline = Deadline(_patience(scene))
    writes = max(1, min(20, scene.request.rate // 25))
    heirs = [{one.name for one in heir.candidates} for heir in scene.flight.heirs]
    quiet = Deadline(_quiet_seconds(scene))

    def look() -> bool | None:
        promoted = {name for name, one in eyes.witnesses.told if one.kind is MomentKind.PROMOTED}
        course.taken_over = all(not promoted.isdisjoint(some) for some in heirs)
        if heirs and not course.taken_over:
            return None
        if not heirs and not quiet.over:
            return None
        if _short_of_replicas(scene):
            return True  # nobody is served before the old primary is back
        return eyes.load.served(injury.at, writes=writes) or None

    what = "a replica takes over" if scene.flight.heirs else "clients are served"
    try:
        with step(scene.hands.tell, f"wait until {what}"):
            wait_for(look, deadline, lambda: "")
    except TimedOut:
        course.moments.append(
            _moment(
                injury,
                MomentKind.NOTE,
                f"{what}: not within {deadline.seconds:g} s, so the drill mends",
            )
        )
    _linger(_AFTER_SECONDS)


def _short_of_replicas(scene: Scene) -> bool:
    """Whether, once one has taken over, too few are left for writes that wait for replicas."""
    left = [len(heir.candidates) - 1 for heir in scene.flight.heirs]
    return bool(left) and scene.request.wait_replicas > min(left)


def _quiet_seconds(scene: Scene) -> float:
    """How long to watch where nobody has to take over: until the others would have noticed."""
    topology = scene.hands.plan.topology
    if scene.request.fault is Fault.NONE or not topology.clustered:
        return 2.0
    return 1.0 + topology.node_timeout / 1000


def _moment(injury: Injury, kind: MomentKind, text: str) -> Moment:
    return Moment(at=time.monotonic() - injury.at, source="drill", text=text, kind=kind)


def _mend(scene: Scene, injury: Injury, load: Load, course: _Course) -> None:
    """Under load: what comes back must not hurt those who are served."""
    injury.heal()
    course.moments.append(_moment(injury, MomentKind.MENDED, _remedy(scene)))
    began = time.monotonic()
    try:
        scene.mend()
    except RedistopoError as error:
        course.trouble = f"{error.message}: {error.detail}" if error.detail else error.message
        warn(scene.hands.tell, f"not mended: {course.trouble}")
        return
    course.healed = time.monotonic() - injury.at
    course.moments.append(_moment(injury, MomentKind.MENDED, "every check of verify passes"))
    with suppress(TimedOut):
        wait_for(
            lambda: load.served(began, writes=1) or None, Deadline(_SERVED_SECONDS), lambda: ""
        )
    _linger(_AFTER_SECONDS)


def _remedy(scene: Scene) -> str:
    names = ", ".join(node.name for node in scene.victims)
    return {
        Fault.KILL: f"starts {names} again",
        Fault.SHUTDOWN: f"starts {names} again",
        Fault.FREEZE: f"lets {names} go on (SIGCONT)",
        Fault.PARTITION: f"lets packets of {names} pass again",
        Fault.NONE: "nothing to mend",
    }[scene.request.fault]


def _restore(scene: Scene, course: _Course, fault: float) -> None:
    before = [node.name for node in scene.seen.nodes if node.role is Role.PRIMARY]
    try:
        back = restore_roles(scene.hands, before)
    except RedistopoError as error:
        course.trouble = f"roles weren't handed back: {error.message}"
        warn(scene.hands.tell, course.trouble)
        return
    if back:
        course.moments.append(
            Moment(
                at=time.monotonic() - fault,
                source="drill",
                text=f"handed the role back to {', '.join(back)}",
                kind=MomentKind.MENDED,
            )
        )


def _logged(scene: Scene, sizes: dict[str, int]) -> list[tuple[str, Told]]:
    names = _ids(scene)
    return [
        (node.name, line)
        for node in scene.hands.plan.nodes
        for line in told(written_since(node.folder.log, sizes[node.name]), names)
    ]


def _roles(seen: Observed) -> dict[str, str]:
    return {node.name: node.role.value if node.role else "silent" for node in seen.nodes}


def _report(scene: Scene, injury: Injury, seen: LoadSeen, course: _Course) -> DrillReport:
    request, topology = scene.request, scene.hands.plan.topology
    traffic = traffic_of(seen, injury.at)
    after = _roles(scene.hands.look(Depth.HEALTH))
    names = ", ".join(node.name for node in scene.victims)
    struck = Moment(
        at=0.0, source="drill", text=f"{request.fault.value} {names}", kind=MomentKind.FAULT
    )
    moments = (struck, *course.moments, *client_moments(traffic))
    report = judged(
        DrillReport(
            topology=topology.name,
            shape=topology.shape.value,
            engine=scene.seen.engine,
            redistopo=__version__,
            began=datetime.fromtimestamp(injury.clock, UTC).isoformat(timespec="milliseconds"),
            fault=request.fault.value,
            target=_target(scene),
            planned=False,
            budget=Budget(seconds=request.budget),
            traffic=traffic,
            writes=writes_of(seen, injury.at),
            moments=tuple(sorted(moments, key=lambda one: one.at)),
            roles_before=_roles(scene.seen),
            roles_after=after,
            healed=course.healed,
            rate=request.rate,
            clients=request.clients,
            notes=_notes(scene, traffic, after),
        )
    )
    reasons = tuple(_reasons(scene, course))
    if not reasons:
        return report
    return replace(report, passed=False, reasons=(*report.reasons, *reasons))


def _target(scene: Scene) -> str:
    numbers = {node.name: shard.number for shard in shards_of(scene.seen) for node in shard.nodes}
    return ", ".join(
        f"{node.name} ({node.role or 'silent'}"
        + (f" of shard {numbers[node.name]})" if node.name in numbers else ")")
        for node in scene.victims
    )


def _notes(scene: Scene, traffic: tuple[Traffic, ...], after: dict[str, str]) -> tuple[str, ...]:
    found = [f"{scene.request.fault.value}: {scene.request.fault.story}"]
    if any("CLUSTERDOWN" in one.errors for one in traffic if not one.hurt):
        found.append(
            "the other shards refused clients, too (CLUSTERDOWN): by "
            "cluster-require-full-coverage yes, a cluster serves all of its slots or none"
        )
    if _short_of_replicas(scene):
        found.append(
            f"with {scene.request.wait_replicas} to wait for, and one replica less since it took "
            "over, writes fail until the old primary is back: one more replica a shard mends that"
        )
    before = _roles(scene.seen)
    if before != after and not scene.request.restore_roles:
        found.append("roles were left as they are now; --restore-roles hands them back")
    return tuple(found)


def _reasons(scene: Scene, course: _Course) -> list[str]:
    found = []
    if scene.flight.heirs and not course.taken_over:
        found.append(f"no replica took over within {_patience(scene):g} s")
    if course.trouble:
        found.append(course.trouble)
    return found
