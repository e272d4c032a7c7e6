"""The texts of a drill's report, the same in every format."""

from collections.abc import Iterable, Mapping

from redistopo.drill.drill_report import DrillReport, Traffic
from redistopo.drill.outage import Latency

GROW = "grow"
"""The fault of a drill that adds nodes, and removes them again."""


def headline(report: DrillReport) -> str:
    """Return the fault and its target."""
    if report.fault == GROW:
        return f"Growth drill: add and remove {report.target}"
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
    if report.phases:
        return _waits_text(report)
    parts = [f"{one.name} {downtime_text(one)}" for one in report.traffic if one.hurt]
    downtime = ", ".join(parts) or "not measured"
    return _with_health(report, f"downtime: {downtime}")


def _waits_text(report: DrillReport) -> str:
    """Return the longest waits of clients against the budget, and when all was as before."""
    writes = max(one.longest_write for one in report.phases)
    reads = max(one.longest_read for one in report.phases)
    return _with_health(report, f"longest wait: writes {writes:.0f} ms, reads {reads:.0f} ms")


def _with_health(report: DrillReport, text: str) -> str:
    text = f"{text}, budget {report.budget.seconds * 1000:.0f} ms"
    if report.healed is None:
        return f"{text}; never healthy again"
    return f"{text}; healthy after {report.healed:.1f} s"


PHASE_COLUMNS = ("phase", "seconds", "slots", "keys", "write ms", "read ms", "failed", "missing")
"""The columns of the phases: the waits are the longest ones."""


def phase_rows(report: DrillReport) -> list[tuple[str, ...]]:
    """Return a row for each phase of a drill of growth."""
    return [
        (
            one.name,
            f"{one.end - one.begin:.2f}",
            str(one.slots),
            str(one.keys),
            f"{one.longest_write:.0f}",
            f"{one.longest_read:.0f}",
            str(one.failed),
            str(one.missing),
        )
        for one in report.phases
    ]


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
    if report.missing is not None:
        text += f"; {report.missing or 'no'} reads missed one"
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
