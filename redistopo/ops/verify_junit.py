"""Findings as JUnit XML, which every CI shows."""

from pathlib import Path
from xml.etree import ElementTree as Xml

from redistopo.host.files import write_errors
from redistopo.model.state.finding import Status
from redistopo.ops.verify import VerifyResult


def write_junit(result: VerifyResult, path: Path) -> None:
    """The file holds one test case for each finding; failures and skips are marked as such."""
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(junit(result), encoding="utf-8")


def junit(result: VerifyResult) -> str:
    """The XML's text."""
    count = {status: sum(one.status is status for one in result.findings) for status in Status}
    suite = Xml.Element(
        "testsuite",
        name=f"redistopo verify {result.name}",
        tests=str(len(result.findings)),
        failures=str(count[Status.FAIL]),
        skipped=str(count[Status.SKIP]),
        errors="0",
    )
    for one in result.findings:
        case = Xml.SubElement(suite, "testcase", classname=one.check, name=one.subject)
        if one.status is Status.FAIL:
            failure = Xml.SubElement(case, "failure", message=one.evidence)
            failure.text = one.hint
        elif one.status is Status.SKIP:
            Xml.SubElement(case, "skipped", message=one.evidence)
        else:
            Xml.SubElement(case, "system-out").text = one.evidence
    Xml.indent(suite)
    return Xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
