"""What a drill's report says in words and numbers; the same in every drawing."""

from collections.abc import Mapping

from redistopo.drill.outage import Latency
from redistopo.drill.report import DrillReport


def headline(report: DrillReport) -> str:
    """What was done to whom."""
    kind = "Planned failover" if report.planned else "Failover drill"
    return f"{kind}: {report.fault} {report.target}"


def subtitle(report: DrillReport) -> str:
    """Where and when."""
    return f"{report.shape} {report.topology}, {report.engine}, {report.began}"


def verdict_text(report: DrillReport) -> str:
    return "PASS" if report.passed else "FAIL"


def budget_text(report: DrillReport) -> str:
    """Unavailability on the hurt shards against the budget, and when all was well."""
    parts = [f"{one.name} {one.unavailable:.0f} ms" for one in report.traffic if one.hurt]
    told = (
        f"away: {', '.join(parts) or 'not measured'}, budget {report.budget.seconds * 1000:.0f} ms"
    )
    if report.healed is None:
        return f"{told}; never healthy again"
    return f"{told}; healthy after {report.healed:.1f} s"


def writes_text(report: DrillReport) -> str:
    """Acknowledged and lost writes."""
    writes = report.writes
    told = f"{writes.acknowledged} writes acknowledged"
    if writes.wait_replicas:
        told += f" (each by WAIT {writes.wait_replicas})"
    told += f", {writes.lost} lost" if writes.lost else ", none lost"
    if writes.unchecked:
        told += f", {writes.unchecked} couldn't be read back"
    return told


def errors_text(found: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in found.items())


def latencies_text(one: Latency, between: str = " / ") -> str:
    """p50 / p99 / most in ms; "-" where nothing was answered."""
    if not one.answered:
        return "-"
    return between.join(
        f"{value:.1f}" if value < 10 else f"{value:.0f}" for value in (one.p50, one.p99, one.most)
    )
