"""A drill's report as text."""

import io
import re
import sys

import pytest
from support.drills import FAULT, load_seen, ops, report

from redistopo.cli.views.drill import ASCII, report_lines, show_drill, summary
from redistopo.drill.drill_report import TimelineMoment, summarize_traffic
from redistopo.drill.load_result import OperationKind


def _text(width: int = 80) -> list[str]:
    return ["".join(text for text, _ in line) for line in report_lines(report(), width=width)]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_timeline_keeps_to_its_width(width: int) -> None:
    whole = _text(width)
    first, last = 3, next(n for n, line in enumerate(whole) if not line and n > 3)
    assert max(map(len, whole[first:last])) <= width
    if width >= 80:
        # but for a key, which is shown whole
        assert [line for line in whole if len(line) > width and "lost: " not in line] == []


def test_a_bar_shows_when_operations_failed() -> None:
    bar = next(line for line in _text() if line.startswith("writes "))[14:]
    # one second before the fault, 2.5 s of errors, 2.5 s after it, 1.5 s until all was mended
    assert bar.index("\u00d7") == pytest.approx(66 * 1 / 7.5, abs=1)
    assert bar.rindex("\u00d7") == pytest.approx(66 * 3.5 / 7.5, abs=1)
    assert len(bar.rstrip()) == pytest.approx(66 * 6 / 7.5, abs=1)


def test_each_moment_stands_in_its_sources_row_and_in_the_list() -> None:
    whole = _text()
    listed = [line for line in whole if line[1:2] == " " and " s  " in line[:16]]
    assert len(listed) == len(report().moments)
    letter = next(line[0] for line in listed if "is primary" in line)
    assert any(line.startswith("node4") and letter in line for line in whole)


def test_the_numbers_and_the_verdict_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    show_drill(report())
    said = capsys.readouterr().out
    assert "450 writes acknowledged, 1 lost" in said
    assert "lost: __redistopo__:drill:<b>&1:{7}:0:33 at -0.340 s, found nothing" in said
    assert "writes failed by ConnectionError 125" in said
    assert "roles: node1 primary -> replica, node4 replica -> primary" in said
    *_, closing, reason = said.splitlines()
    assert closing.startswith("FAIL  downtime: writes 2520 ms")
    assert "acknowledged writes lost: 1 (budget 0)" in reason


def test_where_the_encoding_has_no_more_it_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    show_drill(report())
    sys.stdout.flush()
    bar = next(line for line in raw.getvalue().decode("ascii").splitlines() if "writes" in line)
    assert ASCII.failed * 10 in bar


def test_more_moments_than_letters() -> None:
    many = tuple(TimelineMoment(at=n / 10, source="node1", text=f"no {n}") for n in range(120))
    lines = report_lines(report(moments=many))
    assert any("no 119" in text for line in lines for text, _ in line)


def test_a_summary_has_a_row_for_each_drill() -> None:
    found = summary([report(), report(healed=None)])
    assert [row[0] for row in found.rows] == ["fail", "fail"]
    assert found.rows[1][-1] == "never"


def test_each_gap_is_marked_and_the_sum_is_told_once() -> None:
    seen = load_seen(ops(OperationKind.WRITE, 1, (0, 2)), ops(OperationKind.READ, 1))
    once = report_lines(report(traffic=summarize_traffic(seen, FAULT)))[4][1][0]
    assert re.fullmatch(r" *<-+ down 2020 ms -+>", once)
    twice = load_seen(
        [*ops(OperationKind.WRITE, 1, (0, 2))[:200], *ops(OperationKind.WRITE, 1, (4, 4.5))[200:]]
    )
    row = report_lines(report(traffic=summarize_traffic(twice, FAULT)))[4][1][0]
    assert re.fullmatch(r" *<-+ down 2540 ms -+> +<-+>", row)
    short = load_seen(ops(OperationKind.WRITE, 1, (4.9, 4.92)))
    row = report_lines(report(traffic=summarize_traffic(short, FAULT), moments=(), healed=None))[4][
        1
    ][0]
    assert "down 40 ms" in row
    assert len(row) <= 66
