"""JUnit XML, which every CI displays: one test suite with its test cases."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from redistopo.quick_dataclass import dataclass

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 can't hold, not even escaped (section 2.2, Char)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JUnitCase:
    """A test case; each of `failure`, `skipped`, `output` and `seconds` is None if it has none."""

    classname: str
    name: str
    failure: str | None = None
    kind: str = ""
    detail: str = ""
    skipped: str | None = None
    output: str | None = None
    seconds: float | None = None


def junit_xml(name: str, cases: Sequence[JUnitCase], timestamp: str = "") -> str:
    """Return the text of one test suite; it has a time if its cases have one."""
    suite = _below(None, "testsuite", name=name, tests=len(cases))
    suite.set("failures", str(sum(one.failure is not None for one in cases)))
    suite.set("errors", "0")
    suite.set("skipped", str(sum(one.skipped is not None for one in cases)))
    if times := [one.seconds for one in cases if one.seconds is not None]:
        suite.set("time", f"{sum(times):.3f}")
    if timestamp:
        suite.set("timestamp", timestamp)
    for one in cases:
        case = _below(suite, "testcase", classname=one.classname, name=one.name)
        if one.seconds is not None:
            case.set("time", f"{one.seconds:.3f}")
        if one.failure is not None:
            failure = _below(case, "failure", message=one.failure, type=one.kind)
            failure.text = _ILLEGAL.sub("?", one.detail)
        if one.skipped is not None:
            _below(case, "skipped", message=one.skipped)
        if one.output is not None:
            _below(case, "system-out").text = _ILLEGAL.sub("?", one.output)
    Xml.indent(suite)
    return Xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _below(parent: Xml.Element | None, tag: str, **attributes: object) -> Xml.Element:
    legal = {name: _ILLEGAL.sub("?", str(value)) for name, value in attributes.items()}
    return Xml.Element(tag, legal) if parent is None else Xml.SubElement(parent, tag, legal)
