"""What a drill found, as its report, judged."""

from dataclasses import replace
from datetime import UTC, datetime

from redistopo import __version__
from redistopo.client.observe import Detail
from redistopo.drill.fault_injection import FaultInjection
from redistopo.drill.operations import LoadResult
from redistopo.drill.report import (
    Budget,
    DrillReport,
    TimelineKind,
    TimelineMoment,
    Traffic,
    client_moments,
    judged,
    traffic_of,
    writes_of,
)
from redistopo.drill.setup import DrillCourse, DrillSetup, election_patience, short_of_replicas
from redistopo.model.state.observed import Observed, shards_of


def report_of(
    scene: DrillSetup, injury: FaultInjection, seen: LoadResult, course: DrillCourse
) -> DrillReport:
    request, topology = scene.request, scene.context.plan.topology
    traffic = traffic_of(seen, injury.at)
    after = _roles(scene.context.look(Detail.HEALTH))
    names = ", ".join(node.name for node in scene.victims)
    struck = TimelineMoment(
        at=0.0, source="drill", text=f"{request.fault.value} {names}", kind=TimelineKind.FAULT
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


def _roles(seen: Observed) -> dict[str, str]:
    return {node.name: node.role.value if node.role else "silent" for node in seen.nodes}


def _target(scene: DrillSetup) -> str:
    numbers = {node.name: shard.number for shard in shards_of(scene.seen) for node in shard.nodes}
    return ", ".join(
        f"{node.name} ({node.role or 'silent'}"
        + (f" of shard {numbers[node.name]})" if node.name in numbers else ")")
        for node in scene.victims
    )


def _notes(
    scene: DrillSetup, traffic: tuple[Traffic, ...], after: dict[str, str]
) -> tuple[str, ...]:
    found = [f"{scene.request.fault.value}: {scene.request.fault.story}"]
    if any("CLUSTERDOWN" in one.errors for one in traffic if not one.hurt):
        found.append(
            "the other shards refused clients, too (CLUSTERDOWN): by "
            "cluster-require-full-coverage yes, a cluster serves all of its slots or none"
        )
    if short_of_replicas(scene):
        found.append(
            f"with {scene.request.wait_replicas} to wait for, and one replica less since it took "
            "over, writes fail until the old primary is back: one more replica a shard mends that"
        )
    before = _roles(scene.seen)
    if before != after and not scene.request.restore_roles:
        found.append("roles were left as they are now; --restore-roles hands them back")
    return tuple(found)


def _reasons(scene: DrillSetup, course: DrillCourse) -> list[str]:
    found = []
    if scene.flight.heirs and not course.taken_over:
        found.append(f"no replica took over within {election_patience(scene):g} s")
    if course.trouble:
        found.append(course.trouble)
    return found
