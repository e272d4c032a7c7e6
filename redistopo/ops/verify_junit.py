"""Findings as JUnit XML, which every CI shows."""

from pathlib import Path

from redistopo.host.files import write_named
from redistopo.model.state.finding import Finding, Status
from redistopo.ops.verify import VerifyResult
from redistopo.render.junit import JUnitCase, junit_xml


def write_junit(result: VerifyResult, path: Path) -> None:
    """Write one test case for each finding; failures and skips are marked."""
    cases = [_case(one) for one in result.findings]
    write_named(path, junit_xml(f"redistopo verify {result.name}", cases))


def _case(one: Finding) -> JUnitCase:
    return JUnitCase(
        classname=one.check,
        name=one.subject,
        failure=one.evidence if one.status is Status.FAIL else None,
        kind="check",
        detail=one.hint,
        skipped=one.evidence if one.status is Status.SKIP else None,
        output=one.evidence if one.status not in (Status.FAIL, Status.SKIP) else None,
    )
