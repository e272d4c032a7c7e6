"""Drill reports as JUnit XML, for CI systems."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from redistopo.drill.drill_report import DrillReport

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 can't hold, not even escaped (section 2.2, Char)."""


def drills_junit(reports: Sequence[DrillReport], name: str) -> str:
    """Return the XML: one test suite of that name, with one test case for each drill."""
    failed = sum(not one.passed for one in reports)
    suite = Xml.Element(
        "testsuite",
        name=_legal(name),
        tests=str(len(reports)),
        failures=str(failed),
        errors="0",
        skipped="0",
        time=f"{sum(_took(one) for one in reports):.3f}",
    )
    if reports:
        # the schema of CI tools has local times without a zone; ours are UTC
        suite.set("timestamp", reports[0].began[:19])
    for one in reports:
        case = Xml.SubElement(
            suite,
            "testcase",
            classname=_legal(f"redistopo.drill.{one.shape}"),
            name=_legal(f"{one.fault} {one.target}"),
            time=f"{_took(one):.3f}",
        )
        if not one.passed:
            reason = _legal(one.reasons[0] if one.reasons else "failed")
            failure = Xml.SubElement(case, "failure", message=reason, type="drill")
            failure.text = _legal("\n".join(one.reasons))
        Xml.SubElement(case, "system-out").text = _legal("\n".join(_lines(one)))
    Xml.indent(suite)
    return Xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _took(report: DrillReport) -> float:
    """Return the seconds from the fault until the topology was healthy, or the last moment."""
    if report.healed is not None:
        return report.healed
    return max((moment.at for moment in report.moments), default=0.0)


def _lines(report: DrillReport) -> list[str]:
    lines = [f"{one.at:+.3f} s {one.source}: {one.text}" for one in report.moments]
    for one in report.traffic:
        errors = ", ".join(f"{kind} {count}" for kind, count in one.errors.items())
        lines.append(
            f"{one.name}: {one.unavailable:.0f} ms unavailable, {one.failed} failed"
            + (f" ({errors})" if errors else "")
        )
    lines.append(f"{report.writes.acknowledged} writes acknowledged, {report.writes.lost} lost")
    return lines


def _legal(text: str) -> str:
    return _ILLEGAL.sub("?", text)
