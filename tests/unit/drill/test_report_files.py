"""A drill's report as files: well-formed, whole in themselves, and everything escaped."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from support.drills import report

from redistopo.drill.drill_report import TimelineMoment
from redistopo.drill.report_files import refuse_report, write_drills_junit, write_report
from redistopo.drill.report_html import drill_html, drill_svg
from redistopo.drill.report_junit import drills_junit
from redistopo.errors import UsageError

NASTY = report(
    topology="<b>&\"'",
    moments=(
        TimelineMoment(at=1, source="</text><script>", text="a\x00b\x1b[31m ]]> é \U0001f600"),
    ),
    notes=("<img src=x onerror=alert(1)>",),
)


def test_the_svg_is_xml_and_asks_for_nothing() -> None:
    text = drill_svg(report())
    root = Xml.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.search(r"<script|href|url\(|<image|@import", text)
    paths = root.findall("{http://www.w3.org/2000/svg}path")
    assert len(paths) == 2 * 4
    assert paths[1].get("d")  # failed writes
    assert not paths[7].get("d")  # no other read failed


def test_the_page_needs_nothing_else_and_shows_every_number() -> None:
    text = drill_html([report(), report(healed=None)], "Two drills")
    assert not re.search(r"<script|<link|src=|url\(|https?://(?!www\.w3\.org/2000/svg)", text)
    for told in ("2520", "ConnectionError 125", "+2.300", "{7}:0:33", "never", "200 operations"):
        assert told in text
    assert text.count("<svg ") == 2


@pytest.mark.parametrize("made", [drill_svg, lambda one: drill_html([one], "<i>title</i>")])
def test_what_others_wrote_is_escaped(made: Callable[[object], str]) -> None:
    text = made(NASTY)
    assert not re.search(r"<(b|i|img|script)\b", text)
    assert "&lt;script&gt;" in text


def test_the_junit_file_is_as_ci_tools_read_it() -> None:
    suite = Xml.fromstring(drills_junit([report(), report(budget=report().budget)], "drills"))
    assert suite.tag == "testsuite"
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "2", "0")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp") or "")
    case = suite.find("testcase")
    assert case is not None
    assert (case.get("classname"), case.get("time")) == ("redistopo.drill.cluster", "6.500")
    failure = case.find("failure")
    assert failure is not None
    assert "lost" in (failure.get("message") or "")
    passed = Xml.fromstring(drills_junit([report(writes=_without_loss())], "drills"))
    assert passed.find("testcase/failure") is None


def _without_loss() -> object:
    from dataclasses import replace

    return replace(report().writes, lost=0)


def test_letters_that_xml_cant_hold_dont_break_the_junit_file() -> None:
    said = Xml.fromstring(drills_junit([NASTY], "drills")).findtext("testcase/system-out") or ""
    assert "a?b?[31m ]]> é \U0001f600" in said


def test_files_are_written_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "redistopo.toml").write_text('format = 1\nshape = "cluster"\n')
    write_report([report()], tmp_path / "new" / "a.svg", root=tmp_path)
    write_report([report(), report()], tmp_path / "b.HTML", root=tmp_path, title="<both>")
    write_drills_junit([report()], tmp_path / "c.xml", name="drills")
    assert (tmp_path / "new" / "a.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "<h1>&lt;both&gt;</h1>" in (tmp_path / "b.HTML").read_text(encoding="utf-8")
    assert Xml.parse(tmp_path / "c.xml").getroot().get("name") == "drills"


@pytest.mark.parametrize(("name", "many"), [("a.pdf", False), ("a", False), ("a.svg", True)])
def test_a_report_by_another_name_is_refused(name: str, many: bool) -> None:
    with pytest.raises(UsageError) as caught:
        refuse_report(Path(name), many=many)
    assert "--report drill" in caught.value.hint or "drills.html" in caught.value.hint
