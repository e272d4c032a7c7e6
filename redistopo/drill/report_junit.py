"""Drill reports as JUnit XML, for CI systems."""

from collections.abc import Sequence

from redistopo.drill.drill_report import DrillReport
from redistopo.drill.report_sentences import (
    PHASE_COLUMNS,
    downtime_text,
    errors_text,
    phase_rows,
)
from redistopo.render.junit import JUnitCase, junit_xml


def drills_junit(reports: Sequence[DrillReport], name: str) -> str:
    """Return the XML: one test suite of that name, with one test case for each drill."""
    # the schema of CI tools has local times without a zone; these are UTC
    began = reports[0].began[:19] if reports else ""
    return junit_xml(name, [_case(one) for one in reports], began)


def _case(one: DrillReport) -> JUnitCase:
    failure = None if one.passed else (one.reasons[0] if one.reasons else "failed")
    return JUnitCase(
        classname=f"redistopo.drill.{one.shape}",
        name=f"{one.fault} {one.target}",
        failure=failure,
        kind="drill",
        detail="\n".join(one.reasons),
        output="\n".join(_lines(one)),
        seconds=_took(one),
    )


def _took(report: DrillReport) -> float:
    """Return the seconds from the fault until the topology was healthy, or the last moment."""
    if report.healed is not None:
        return report.healed
    return max((moment.at for moment in report.moments), default=0.0)


def _lines(report: DrillReport) -> list[str]:
    lines = [f"{one.at:+.3f} s {one.source}: {one.text}" for one in report.moments]
    for one in report.traffic:
        errors = f" ({errors_text(one.errors)})" if one.errors else ""
        lines.append(f"{one.name}: {downtime_text(one)} unavailable, {one.failed} failed{errors}")
    lines += [
        ", ".join(f"{name} {value}" for name, value in zip(PHASE_COLUMNS, row, strict=True))
        for row in phase_rows(report)
    ]
    lines.append(f"{report.writes.acknowledged} writes acknowledged, {report.writes.lost} lost")
    return lines
