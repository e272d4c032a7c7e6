"""The texts of a drill's report, the same in every format."""

from collections.abc import Iterable, Mapping

from redistopo.drill.drill_report import DrillReport, Traffic
from redistopo.drill.outage import Latency


def headline(report: DrillReport) -> str:
    """Return the fault and its target."""
    kind = "Planned failover" if report.planned else "Failover drill"
    return f"{kind}: {report.fault} {report.target}"


def subtitle(report: DrillReport) -> str:
    """Return the topology, the engine and the time."""
    return f"{report.shape} {report.topology}, {report.engine}, {report.began}"


def verdict_text(report: DrillReport) -> str:
    """Return PASS or FAIL."""
    return "PASS" if report.passed else "FAIL"


def budget_text(report: DrillReport) -> str:
    """Return the downtime of the affected shards against the budget, and when all was healthy."""
    parts = [f"{one.name} {downtime_text(one)}" for one in report.traffic if one.hurt]
    downtime = ", ".join(parts) or "not measured"
    text = f"downtime: {downtime}, budget {report.budget.seconds * 1000:.0f} ms"
    if report.healed is None:
        return f"{text}; never healthy again"
    return f"{text}; healthy after {report.healed:.1f} s"


def downtime_text(one: Traffic) -> str:
    """Return the downtime, with its bounds where they are far apart."""
    if not one.bounded:
        return f"{one.unavailable:.0f} ms"
    return f"{one.unavailable:.0f} ms (at least {one.at_least:.0f}, at most {one.at_most:.0f})"


def busy_text(traffic: Iterable[Traffic]) -> str:
    """Return what a machine that was too busy leaves to say about the downtime; "" if it wasn't."""
    parts = [
        f"{one.name} at least {one.at_least:.0f} ms, at most {one.at_most:.0f} ms"
        for one in traffic
        if one.hurt and one.blurred
    ]
    return f"this machine was too busy to measure the downtime: {'; '.join(parts)}" if parts else ""


def writes_text(report: DrillReport) -> str:
    """Return the numbers of acknowledged and lost writes."""
    writes = report.writes
    text = f"{writes.acknowledged} writes acknowledged"
    if writes.wait_replicas:
        text += f" (each with WAIT {writes.wait_replicas})"
    text += f", {writes.lost} lost" if writes.lost else ", none lost"
    if writes.unchecked:
        text += f", {writes.unchecked} could not be read back"
    return text


def errors_text(found: Mapping[str, int]) -> str:
    """Return the errors with their counts."""
    return ", ".join(f"{kind} {count}" for kind, count in found.items())


def latencies_text(one: Latency, between: str = " / ") -> str:
    """Return p50 / p99 / max in ms; "-" if no operation succeeded."""
    if not one.answered:
        return "-"
    return between.join(
        f"{value:.1f}" if value < 10 else f"{value:.0f}" for value in (one.p50, one.p99, one.most)
    )
