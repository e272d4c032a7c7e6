"""The layout of a drill's timeline in pixels; the template draws it as SVG."""

from redistopo.drill import report_sentences as sentences
from redistopo.drill import time_axis
from redistopo.drill.drill_report import DrillReport, TimelineKind, TimelineMoment, Traffic
from redistopo.drill.time_axis import TimeAxis
from redistopo.quick_dataclass import dataclass

WIDTH, LEFT, RIGHT, TOP = 960, 150, 940, 108
_COLUMNS = 264
_TRACK, _SOURCE, _LINE = 50, 26, 20
_MARK = 20
_MOST_LETTERS = 105

_INK, _FAINT, _BAD = "#1f2328", "#59636e", "#b3261e"
_COLORS = {
    TimelineKind.FAULT: "#b3261e",
    TimelineKind.SUSPECTED: "#9a6700",
    TimelineKind.FAILED: "#bc4c00",
    TimelineKind.ELECTION: "#8250df",
    TimelineKind.PROMOTED: "#1a7f37",
    TimelineKind.CLIENT: "#57606a",
    TimelineKind.REPAIRED: "#0969da",
    TimelineKind.NOTE: "#57606a",
}


_ALONE: dict[str, object] = {"x": 16, "end": False, "strong": False}
"""Defaults of a line of text."""


@dataclass(slots=True)
class _Pen:
    """The current vertical position."""

    y: float


def svg_values(report: DrillReport) -> dict[str, object]:
    """Return all values that the SVG template needs."""
    axis = time_axis.axis_of(report)
    pen = _Pen(TOP + 6)
    tracks = [_track(one, axis, pen) for one in report.traffic]
    pen.y += 16
    numbered = {id(one): n for n, one in enumerate(_ordered(report), start=1)}
    sources = [
        _source(source, some, numbered, axis, pen)
        for source, some in time_axis.moments_by_source(report.moments).items()
    ]
    bottom = pen.y
    pen.y += 24
    lines = [*_listed(report, numbered, pen), *_closing(report, pen)]
    return {
        "width": WIDTH,
        "height": round(pen.y + 4),
        "left": LEFT,
        "right": RIGHT,
        "top": TOP,
        "bottom": bottom,
        "title": sentences.headline(report),
        "subtitle": _cut(sentences.subtitle(report)),
        "verdict": sentences.verdict_text(report),
        "passed": report.passed,
        "away": _away(report, axis),
        "ticks": [
            {"x": _x(axis, at), "text": time_axis.tick_label(at), "zero": at == 0}
            for at in time_axis.axis_ticks(axis, 12)
        ],
        "tracks": tracks,
        "sources": sources,
        "lines": lines,
    }


def _ordered(report: DrillReport) -> list[TimelineMoment]:
    return sorted(report.moments, key=lambda one: one.at)


def _x(axis: TimeAxis, at: float) -> float:
    return round(LEFT + axis.place(at) * (RIGHT - LEFT), 1)


def _away(report: DrillReport, axis: TimeAxis) -> dict[str, object] | None:
    """Return a band for each gap, and the total downtime above the longest."""
    part = time_axis.gaps_drawn(report)
    if part is None or part.longest is None:
        return None
    bands = []
    for gap in part.gaps:
        x = _x(axis, gap.last_good)
        bands.append({"x": x, "width": max(1.0, round(_x(axis, gap.until) - x, 1))})
    middle = _x(axis, (part.longest.last_good + part.longest.until) / 2)
    text = f"{part.name} down: {part.unavailable:.0f} ms"
    return {"bands": bands, "x": min(RIGHT - 80.0, max(LEFT + 80.0, middle)), "text": text}


def _track(one: Traffic, axis: TimeAxis, pen: _Pen) -> dict[str, object]:
    """Return bars on the row's base, failed operations on top of successful ones."""
    y, base, room = pen.y, pen.y + _TRACK - 8, _TRACK - 14
    columns = time_axis.track_cells(one.track, axis, _COLUMNS)
    most = max((cell.good + cell.failed for cell in columns if cell), default=0) or 1
    wide = (RIGHT - LEFT) / _COLUMNS
    good, failed = [], []
    for number, cell in enumerate(columns):
        if cell is None:
            continue
        x = LEFT + number * wide
        low, high = cell.good / most * room, cell.failed / most * room
        good.append(_bar(x, base, wide, low))
        failed.append(_bar(x, base - low, wide, high))
    pen.y += _TRACK
    note = f"{one.unavailable:.0f} ms down" if one.gaps else "no downtime"
    return {
        "label": one.name,
        "note": note,
        "y": y,
        "base": base,
        "good": "".join(good),
        "failed": "".join(failed),
    }


def _bar(x: float, base: float, wide: float, high: float) -> str:
    return f"M{x:.1f} {base:.1f}v-{high:.1f}h{wide:.1f}v{high:.1f}z" if high > 0.05 else ""


def _source(
    source: str,
    some: tuple[TimelineMoment, ...],
    numbered: dict[int, int],
    axis: TimeAxis,
    pen: _Pen,
) -> dict[str, object]:
    """Return a row of marks; a number is moved aside if it would overlap the one before."""
    y = pen.y + _SOURCE / 2
    spots = [_x(axis, moment.at) for moment in some]
    labels: list[float] = []
    for x in spots:
        labels.append(max(x, labels[-1] + _MARK) if labels else x)
    edge = float(RIGHT)
    for place in range(len(labels) - 1, -1, -1):
        labels[place] = min(labels[place], edge)
        edge = labels[place] - _MARK
    pen.y += _SOURCE
    marks = [
        {"x": x, "label_x": label, "number": numbered[id(one)], "color": _COLORS[one.kind]}
        for one, x, label in zip(some, spots, labels, strict=True)
    ]
    return {"label": source[:16], "y": y, "marks": marks}


def _listed(report: DrillReport, numbered: dict[int, int], pen: _Pen) -> list[dict[str, object]]:
    """Return the moments as text: number, seconds after the fault, source, what happened."""
    lines: list[dict[str, object]] = []
    for one in _ordered(report):
        color = _COLORS[one.kind]
        lines += [
            {"x": 40, "text": numbered[id(one)], "color": color, "end": True, "strong": True},
            {"x": 118, "text": f"{one.at:+.3f} s", "color": _FAINT, "end": True},
            {"x": 130, "text": one.source[:16], "color": _INK},
            {"x": 240, "text": _cut(one.text, 95), "color": _INK},
        ]
        for line in lines[-4:]:
            line["y"] = pen.y
        pen.y += _LINE
    pen.y += 10
    return [_ALONE | line for line in lines]


def _closing(report: DrillReport, pen: _Pen) -> list[dict[str, object]]:
    """Return the numbers and the verdict."""
    texts = [
        (sentences.budget_text(report), _INK),
        (sentences.writes_text(report), _BAD if report.writes.lost else _INK),
    ]
    texts += [(reason, _BAD) for reason in report.reasons]
    lines = []
    for text, color in texts:
        strong = color == _BAD
        lines.append(_ALONE | {"y": pen.y, "text": _cut(text), "color": color, "strong": strong})
        pen.y += _LINE
    return lines


def _cut(text: str, most: int = _MOST_LETTERS) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
