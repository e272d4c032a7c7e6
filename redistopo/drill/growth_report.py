"""Assembles the report of a drill of growth, and judges it."""

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from datetime import datetime

from redistopo import __version__
from redistopo.drill.drill_report import (
    Budget,
    DrillReport,
    TimelineKind,
    TimelineMoment,
    client_moments,
    summarize_traffic,
    summarize_writes,
)
from redistopo.drill.growth_phase import PhaseSpan, phases_of
from redistopo.drill.load_result import LoadResult
from redistopo.drill.report_sentences import GROW
from redistopo.model.state.observed import Observed
from redistopo.model.topology.spec import Topology
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What a drill of growth did: `added` are the nodes, `began` the wall clock at the first
    change, and `origin` the same on the load's clock; `retried` counts operations that were tried
    again, by kind of error."""

    topology: Topology
    added: tuple[str, ...]
    origin: float
    began: datetime
    budget: float
    rate: int
    clients: int
    before: Observed
    after: Observed
    spans: tuple[PhaseSpan, ...]
    moments: tuple[TimelineMoment, ...]
    healed: float | None
    retried: Mapping[str, int] = field(default_factory=dict)


def growth_report(seen: LoadResult, did: Growth) -> DrillReport:
    """Return the report, with its verdict."""
    traffic = summarize_traffic(seen, did.origin, back=did.origin + (did.healed or 0.0))
    moments = (*did.moments, *client_moments(traffic))
    phases = phases_of(seen, did.spans, did.origin)
    what = "one shard" if did.topology.clustered else "one replica"
    report = DrillReport(
        topology=did.topology.name,
        shape=did.topology.shape.value,
        engine=did.before.engine,
        redistopo=__version__,
        began=did.began.isoformat(timespec="milliseconds"),
        fault=GROW,
        target=f"{what}: {', '.join(did.added)}",
        planned=True,
        budget=Budget(seconds=did.budget, most_lost=0),
        traffic=traffic,
        writes=summarize_writes(seen, did.origin),
        moments=tuple(sorted(moments, key=lambda one: one.at)),
        roles_before=_roles(did.before),
        roles_after=_roles(did.after),
        healed=did.healed,
        rate=did.rate,
        clients=did.clients,
        notes=tuple(_notes(did)),
        phases=phases,
        missing=sum(one.missing for one in phases),
    )
    return with_growth_verdict(report)


def with_growth_verdict(report: DrillReport) -> DrillReport:
    """Return the report with its verdict.

    A drill of growth fails for a lost write, a missing read, an operation that never succeeded, a
    wait longer than the budget, and a topology that is not as it was.
    """
    reasons = tuple(_reasons(report))
    return replace(report, passed=not reasons, reasons=reasons)


def _roles(seen: Observed) -> dict[str, str]:
    return {node.name: node.role.value if node.role else "silent" for node in seen.nodes}


def _notes(did: Growth) -> Iterator[str]:
    if did.retried:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(did.retried.items()))
        yield f"operations that clients tried again: {kinds}; their waits include that"


def _reasons(report: DrillReport) -> Iterator[str]:
    if not report.traffic:
        yield "no client was served, so nothing was measured"
    if report.writes.lost:
        yield f"acknowledged writes lost: {report.writes.lost} (growing allows none)"
    if report.writes.unchecked:
        yield f"acknowledged writes that could not be read back: {report.writes.unchecked}"
    if report.missing:
        yield f"reads that did not return an acknowledged write: {report.missing}"
    if failed := sum(one.failed for one in report.phases):
        yield f"operations that did not succeed: {failed}"
    most = report.budget.seconds * 1000
    for one in report.phases:
        if one.longest > most:
            yield (
                f"a client waited for {one.longest:.0f} ms in phase {one.name}, more than the "
                f"budget of {most:.0f} ms"
            )
    if report.healed is None:
        yield "the topology was not verified healthy again"
    if report.roles_before != report.roles_after:
        yield "nodes or roles differ from before"


def adding(names: tuple[str, ...]) -> TimelineMoment:
    """Return the first change, at 0 s."""
    return TimelineMoment(
        at=0.0, source="drill", text=f"adds {', '.join(names)}", kind=TimelineKind.FAULT
    )
