"""The measured part of a drill: load, fault, recovery, mending, check."""

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from redistopo.client.entry_point import LoadRequest
from redistopo.drill.assemble_report import report_of
from redistopo.drill.fault_injection import FaultInjection
from redistopo.drill.load import Load
from redistopo.drill.observer import Watched, Witnesses
from redistopo.drill.report import DrillReport, TimelineKind, TimelineMoment
from redistopo.drill.server_log_events import LogEvent, parse_log_events
from redistopo.drill.setup import (
    DrillCourse,
    DrillSetup,
    election_patience,
    quiet_seconds,
    short_of_replicas,
)
from redistopo.drill.timeline import Heard, Source, timeline
from redistopo.errors import RedistopoError, TimedOut
from redistopo.host.files import size_of, written_since
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.state.fault import Fault
from redistopo.model.state.observed import Role, shards_of
from redistopo.progress import step, warn
from redistopo.session.restore_roles import restore_roles

_WARM_SECONDS = 10.0
_BEFORE_SECONDS = 1.0
_AFTER_SECONDS = 1.0
_CHECK_SECONDS = 20.0
_SERVED_SECONDS = 10.0
_MOST_WITNESSES = 12


def measure(scene: DrillSetup, injury: FaultInjection, load_request: LoadRequest) -> DrillReport:
    """The report of a drill that came to its end; all is mended, and no key of it is left.

    Where the topology doesn't become healthy again, the report says so, and nothing is raised.
    """
    context, course = scene.context, DrillCourse()
    logs = {node.name: size_of(node.folder.log) for node in context.plan.nodes}
    with ExitStack() as stack:
        load = stack.enter_context(Load(load_request))
        witnesses = stack.enter_context(Witnesses(_watched(scene), context.credentials))
        _warm(scene, load)
        with step(context.progress, _blow(scene)):
            injury.strike()
        _recover(scene, injury, _Eyes(load, witnesses), course)
        _mend(scene, injury, load, course)
        load.stop()
        seen = load.check(_CHECK_SECONDS)
        if scene.request.restore_roles:
            _restore(scene, course, injury.at)
        _clean(scene, load)
    heard = Heard(
        clock=injury.clock,
        victims=scene.hurt,
        logs=(*_logged(scene, logs), *_on_the_wall(injury, witnesses.heard)),
        asked=_on_the_wall(injury, witnesses.told),
    )
    course.moments += timeline(heard)
    return report_of(scene, injury, seen, course)


def _clean(scene: DrillSetup, load: Load) -> None:
    try:
        load.clean(_CHECK_SECONDS)
    except RedistopoError as error:
        warn(scene.context.progress, f"keys of the drill may be left: {error.message}")


@dataclass(frozen=True, slots=True)
class _Eyes:
    load: Load
    witnesses: Witnesses


def _watched(scene: DrillSetup) -> Watched:
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
        witnesses={node.name: node.endpoint for node in asked},
        sentinels={node.name: node.endpoint for node in able if node not in asked},
        names=_ids(scene),
        about=hurt,
        clustered=scene.context.plan.topology.clustered,
    )


def _ids(scene: DrillSetup) -> dict[str, str]:
    """Ids and addresses of nodes -> their names."""
    found = {node.address: node.name for node in scene.seen.nodes}
    found |= {node.myself.id: node.name for node in scene.seen.answering if node.myself}
    peers = (
        peer for node in scene.seen.sentinels for watch in node.watches for peer in watch.sentinels
    )
    return found | {peer.id: found.get(peer.address, peer.address) for peer in peers}


def _warm(scene: DrillSetup, load: Load) -> None:
    request = scene.request
    with step(
        scene.context.progress, f"load: {request.clients} clients, {request.rate} operations/s"
    ):
        if why := load.warm(_WARM_SECONDS):
            if not request.force:
                raise RedistopoError(
                    "the load's clients aren't served, before anything was done",
                    detail=why,
                    hint="redistopo verify tells why",
                )
            warn(scene.context.progress, why)
        _linger(_BEFORE_SECONDS)


def _linger(seconds: float) -> None:
    with suppress(TimedOut):
        wait_for(lambda: None, Deadline(seconds), lambda: "")


def _blow(scene: DrillSetup) -> str:
    names = ", ".join(node.name for node in scene.victims)
    return f"{scene.request.fault.value} {names}: {scene.request.fault.story}"


def _recover(scene: DrillSetup, injury: FaultInjection, eyes: _Eyes, course: DrillCourse) -> None:
    """Replicas have taken over and clients are served, or patience is over."""
    deadline = Deadline(election_patience(scene))
    writes = max(1, min(20, scene.request.rate // 25))
    heirs = [{one.name for one in heir.candidates} for heir in scene.flight.heirs]
    quiet = Deadline(quiet_seconds(scene))

    def look() -> bool | None:
        promoted = {name for name, one in eyes.witnesses.told if one.kind is TimelineKind.PROMOTED}
        course.taken_over = all(not promoted.isdisjoint(some) for some in heirs)
        if heirs and not course.taken_over:
            return None
        if not heirs and not quiet.over:
            return None
        if short_of_replicas(scene):
            return True  # nobody is served before the old primary is back
        return eyes.load.served(injury.at, writes=writes) or None

    what = "a replica takes over" if scene.flight.heirs else "clients are served"
    try:
        with step(scene.context.progress, f"wait until {what}"):
            wait_for(look, deadline, lambda: "")
    except TimedOut:
        course.moments.append(
            _moment(
                injury,
                TimelineKind.NOTE,
                f"{what}: not within {deadline.seconds:g} s, so the drill mends",
            )
        )
    _linger(_AFTER_SECONDS)


def _moment(injury: FaultInjection, kind: TimelineKind, text: str) -> TimelineMoment:
    return TimelineMoment(at=time.monotonic() - injury.at, source="drill", text=text, kind=kind)


def _mend(scene: DrillSetup, injury: FaultInjection, load: Load, course: DrillCourse) -> None:
    """Under load: what comes back must not hurt those who are served."""
    injury.heal()
    course.moments.append(_moment(injury, TimelineKind.MENDED, _remedy(scene)))
    began = time.monotonic()
    try:
        scene.mend()
    except RedistopoError as error:
        course.trouble = f"{error.message}: {error.detail}" if error.detail else error.message
        warn(scene.context.progress, f"not mended: {course.trouble}")
        return
    course.healed = time.monotonic() - injury.at
    course.moments.append(_moment(injury, TimelineKind.MENDED, "every check of verify passes"))
    with suppress(TimedOut):
        wait_for(
            lambda: load.served(began, writes=1) or None, Deadline(_SERVED_SECONDS), lambda: ""
        )
    _linger(_AFTER_SECONDS)


def _remedy(scene: DrillSetup) -> str:
    names = ", ".join(node.name for node in scene.victims)
    return {
        Fault.KILL: f"starts {names} again",
        Fault.SHUTDOWN: f"starts {names} again",
        Fault.FREEZE: f"lets {names} go on (SIGCONT)",
        Fault.PARTITION: f"lets packets of {names} pass again",
        Fault.NONE: "nothing to mend",
    }[scene.request.fault]


def _restore(scene: DrillSetup, course: DrillCourse, fault: float) -> None:
    before = [node.name for node in scene.seen.nodes if node.role is Role.PRIMARY]
    try:
        back = restore_roles(scene.context, before)
        if back:
            scene.mend()  # that was one more change, so all is verified once more
    except RedistopoError as error:
        course.trouble = f"roles weren't handed back: {error.message}"
        warn(scene.context.progress, course.trouble)
        return
    if back:
        course.moments.append(
            TimelineMoment(
                at=time.monotonic() - fault,
                source="drill",
                text=f"handed the role back to {', '.join(back)}",
                kind=TimelineKind.MENDED,
            )
        )


def _on_the_wall(injury: FaultInjection, some: tuple[Source, ...]) -> tuple[Source, ...]:
    """The same by the wall's clock, as logs tell theirs."""
    return tuple(
        (name, replace(told, at=told.at - injury.at + injury.clock)) for name, told in some
    )


def _logged(scene: DrillSetup, sizes: dict[str, int]) -> list[tuple[str, LogEvent]]:
    names = _ids(scene)
    return [
        (node.name, line)
        for node in scene.context.plan.nodes
        for line in parse_log_events(written_since(node.folder.log, sizes[node.name]), names)
    ]
