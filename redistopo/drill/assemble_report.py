"""Assembles the report of a drill from its measurements, and judges it."""

from dataclasses import replace
from datetime import UTC, datetime

from redistopo import __version__
from redistopo.client.target import Detail
from redistopo.drill.drill_report import (
    Budget,
    DrillReport,
    TimelineKind,
    TimelineMoment,
    Traffic,
    client_moments,
    summarize_traffic,
    summarize_writes,
    with_verdict,
)
from redistopo.drill.drill_request import (
    DrillOutcome,
    DrillSetup,
    too_few_replicas_left,
)
from redistopo.drill.fault_injection import FaultInjection
from redistopo.drill.load_result import LoadResult
from redistopo.drill.report_sentences import busy_text
from redistopo.drill.takeovers import missing_takeovers
from redistopo.model.state.observed import Observed
from redistopo.model.state.shards import shards_of


def assemble_report(
    setup: DrillSetup, injection: FaultInjection, seen: LoadResult, outcome: DrillOutcome
) -> DrillReport:
    """Return the report of a finished drill, with its verdict."""
    request, topology = setup.request, setup.context.plan.topology
    traffic = summarize_traffic(seen, injection.at)
    after = _roles(setup.context.observe(Detail.HEALTH))
    names = ", ".join(node.name for node in setup.victims)
    fault = TimelineMoment(
        at=0.0, source="drill", text=f"{request.fault.value} {names}", kind=TimelineKind.FAULT
    )
    moments = (fault, *outcome.moments, *client_moments(traffic))
    report = with_verdict(
        DrillReport(
            topology=topology.name,
            shape=topology.shape.value,
            engine=setup.seen.engine,
            redistopo=__version__,
            began=datetime.fromtimestamp(injection.clock, UTC).isoformat(timespec="milliseconds"),
            fault=request.fault.value,
            target=_target(setup),
            planned=False,
            budget=Budget(seconds=request.budget),
            traffic=traffic,
            writes=summarize_writes(seen, injection.at),
            moments=tuple(sorted(moments, key=lambda one: one.at)),
            roles_before=_roles(setup.seen),
            roles_after=after,
            healed=outcome.healed,
            rate=request.rate,
            clients=request.clients,
            notes=_notes(setup, traffic, after),
        )
    )
    reasons = tuple(_reasons(setup, outcome))
    if not reasons:
        return report
    return replace(report, passed=False, reasons=(*report.reasons, *reasons))


def _roles(seen: Observed) -> dict[str, str]:
    return {node.name: node.role.value if node.role else "silent" for node in seen.nodes}


def _target(setup: DrillSetup) -> str:
    numbers = {node.name: shard.number for shard in shards_of(setup.seen) for node in shard.nodes}
    return ", ".join(
        f"{node.name} ({node.role or 'silent'}"
        + (f" of shard {numbers[node.name]})" if node.name in numbers else ")")
        for node in setup.victims
    )


def _notes(
    setup: DrillSetup, traffic: tuple[Traffic, ...], after: dict[str, str]
) -> tuple[str, ...]:
    found = [f"{setup.request.fault.value}: {setup.request.fault.story}"]
    if busy := busy_text(traffic):
        found.append(busy)
    if any("CLUSTERDOWN" in one.errors for one in traffic if not one.hurt):
        found.append(
            "other shards refused clients as well (CLUSTERDOWN): with "
            "cluster-require-full-coverage yes, a cluster serves all of its slots or none"
        )
    if too_few_replicas_left(setup):
        found.append(
            f"writes wait for {setup.request.wait_replicas} replicas, and one less is left after "
            "the takeover: they fail until the old primary is back; one more replica per shard "
            "avoids that"
        )
    before = _roles(setup.seen)
    if before != after and not setup.request.restore_roles:
        found.append("roles have changed; --restore-roles restores them after a drill")
    return tuple(found)


def _reasons(setup: DrillSetup, outcome: DrillOutcome) -> list[str]:
    found = []
    takeovers = setup.preflight.takeovers
    if takeovers and not outcome.taken_over:
        missing = missing_takeovers(takeovers, outcome.moments, outcome.waited)
        found += [missing] if missing else []
    if outcome.error:
        found.append(outcome.error)
    return found
