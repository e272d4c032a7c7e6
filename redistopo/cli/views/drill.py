"""A drill's report as text: timeline, moments, numbers, verdict.

It fits 80 columns; in a pipe it has no colours, and it is ASCII if the encoding is.
"""

import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import click

from redistopo.cli import theme
from redistopo.cli.table import Table, aligned
from redistopo.drill import report_sentences as sentences
from redistopo.drill import time_axis
from redistopo.drill.drill_report import DrillReport, TimelineKind, TimelineMoment, Traffic
from redistopo.drill.time_axis import Cell, TimeAxis

WIDTH = 80
_LABEL = 14
_WIDEST = 120
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

_STYLES = {
    TimelineKind.FAULT: theme.ERROR,
    TimelineKind.SUSPECTED: theme.WARNING,
    TimelineKind.FAILED: theme.WARNING,
    TimelineKind.ELECTION: theme.ELECTION,
    TimelineKind.PROMOTED: theme.OK,
    TimelineKind.REPAIRED: theme.REPAIR,
}


class BarSigns(NamedTuple):
    """The characters of a bar."""

    good: str
    failed: str
    some: str
    none: str


PRETTY = BarSigns(good="█", failed="\u00d7", some="▒", none="·")
ASCII = BarSigns(good="#", failed="x", some="%", none=".")

Piece = tuple[str, str]
"""Text and its colour ("" for none), as click knows them."""


def show_drill(report: DrillReport) -> None:
    """Print the whole report."""
    for line in report_lines(report, width=_width(), signs=_signs()):
        click.echo("".join(theme.paint(text, color) for text, color in line))
    closing = theme.verdict(sentences.verdict_text(report), good=report.passed)
    click.echo(f"{closing}  {sentences.budget_text(report)}")
    for reason in report.reasons:
        click.echo(f"      {reason}")


def summary(reports: Iterable[DrillReport]) -> Table:
    """Return a table with a row for each drill."""
    rows = []
    for report in reports:
        outage = {one.name: f"{one.unavailable:.0f} ms" for one in report.traffic}
        rows.append(
            (
                sentences.verdict_text(report).lower(),
                f"{report.fault} {report.target}",
                outage.get("writes", "-"),
                outage.get("reads", "-"),
                str(report.writes.acknowledged),
                str(report.writes.lost),
                "never" if report.healed is None else f"{report.healed:.1f} s",
            )
        )
    names = ("verdict", "drill", "writes down", "reads down", "acknowledged", "lost", "healed")
    right = frozenset(names) - {"verdict", "drill"}
    return Table(columns=names, rows=rows, right=right)


def report_lines(
    report: DrillReport, *, width: int = WIDTH, signs: BarSigns = PRETTY
) -> list[list[Piece]]:
    """Return all lines but the verdict; each at most so wide, if its texts allow."""
    axis = time_axis.axis_of(report)
    columns = width - _LABEL
    ordered = sorted(report.moments, key=lambda one: one.at)
    letters = {id(one): _LETTERS[n % len(_LETTERS)] for n, one in enumerate(ordered)}
    lines: list[list[Piece]] = [
        [(sentences.headline(report), "")],
        [(sentences.subtitle(report), "")],
        [],
        [(" " * _LABEL + _scale(axis, columns), "")],
    ]
    if part := time_axis.gaps_drawn(report):
        lines.append([(" " * _LABEL, ""), (_phases(part, axis, columns), theme.ERROR)])
    lines += [_bar(one, axis, columns, signs) for one in report.traffic]
    for source, some in time_axis.moments_by_source(report.moments).items():
        lines.append(_marks(source, some, letters, axis, columns))
    lines.append([])
    lines += [_moment(one, letters[id(one)], width) for one in ordered]
    lines.append([])
    lines += [[(text, "")] for text in _numbers(report)]
    return [line or [("", "")] for line in lines]


def _scale(axis: TimeAxis, columns: int) -> str:
    """The axis: each label begins at its moment."""
    row = [" "] * columns
    free = 0
    for at in time_axis.axis_ticks(axis, columns // 9):
        place, text = axis.column(at, columns), f"|{time_axis.tick_label(at)}"
        if place >= free and place + len(text) <= columns:
            row[place : place + len(text)] = text
            free = place + len(text) + 1
    return "".join(row).rstrip()


def _phases(part: Traffic, axis: TimeAxis, columns: int) -> str:
    """`<--- down 2520 ms --->` above the outage: a line for each gap, the sum of all of them
    in the longest one, or beside it where that is too short."""
    row = [" "] * columns
    for gap in part.gaps:
        first, last = axis.column(gap.last_good, columns), axis.column(gap.until, columns)
        if last > first:
            row[first : last + 1] = f"<{'-' * (last - first - 1)}>"
        elif row[first] == " ":
            row[first] = "^"
    if longest := part.longest:
        words = f" down {part.unavailable:.0f} ms "
        first = axis.column(longest.last_good, columns)
        last = axis.column(longest.until, columns)
        room = last - first - 1
        place = first + 1 + (room - len(words)) // 2 if room >= len(words) + 2 else last + 1
        place = max(0, min(place, columns - len(words)))
        row[place : place + len(words)] = words
    return "".join(row).rstrip()


def _bar(one: Traffic, axis: TimeAxis, columns: int, signs: BarSigns) -> list[Piece]:
    pieces: list[Piece] = [(one.name.ljust(_LABEL), "")]
    for cell in time_axis.track_cells(one.track, axis, columns):
        pieces.append(_sign(cell, signs))
    return _merged(pieces)


def _sign(cell: Cell | None, signs: BarSigns) -> Piece:
    if cell is None:
        return " ", ""
    if cell.failed:
        return (signs.some, theme.WARNING) if cell.good else (signs.failed, theme.ERROR)
    return (signs.good, theme.OK) if cell.good else (signs.none, "")


def _marks(
    source: str,
    some: Iterable[TimelineMoment],
    letters: dict[int, str],
    axis: TimeAxis,
    columns: int,
) -> list[Piece]:
    """A source's moments by their letters; of several in one column the first is shown."""
    row: list[Piece] = [(" ", "")] * columns
    for one in some:
        place = axis.column(one.at, columns)
        if row[place][0] == " ":
            row[place] = (letters[id(one)], _STYLES.get(one.kind, ""))
    label = source if len(source) < _LABEL else source[: _LABEL - 2] + "~"
    return _merged([(label.ljust(_LABEL), ""), *row])


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    """The same with neighbours of one colour joined; nothing blank at the end."""
    found: list[Piece] = []
    for text, color in pieces:
        if found and found[-1][1] == color:
            found[-1] = (found[-1][0] + text, color)
        else:
            found.append((text, color))
    if found and not found[-1][1]:
        found[-1] = (found[-1][0].rstrip(), "")
    return found


def _moment(one: TimelineMoment, letter: str, width: int) -> list[Piece]:
    """`a   +5.231 s  node2  suspects node4`; a long text is cut, the whole is in the JSON."""
    head = f" {one.at:+9.3f} s  {one.source:<12} "
    room = max(20, width - len(head) - 1)
    text = one.text if len(one.text) <= room else f"{one.text[: room - 2]}.."
    return [(letter, _STYLES.get(one.kind, "")), (head + text, "")]


def _numbers(report: DrillReport) -> Iterator[str]:
    yield from _table(report)
    yield sentences.writes_text(report)
    for lost in report.writes.examples:
        found = f"found {lost.found}" if lost.found else "found nothing"
        yield f"  lost: {lost.key} at {lost.acknowledged:+.3f} s, {found}"
    if roles := time_axis.changed_roles(report):
        yield "roles: " + ", ".join(f"{name} {was} -> {now}" for name, was, now in roles)
    yield from report.notes


def _table(report: DrillReport) -> Iterator[str]:
    """Phases of growth; unavailability, errors, and latencies (p50 / p99 / most, in ms)."""
    if report.phases:
        head = sentences.PHASE_COLUMNS
        yield from aligned([head, *sentences.phase_rows(report)], [False] + [True] * 7)
        yield ""
    rows: list[tuple[str, ...]] = [("", "down ms", "failed", "before ms", "during ms", "after ms")]
    for one in report.traffic:
        three = (one.latencies.before, one.latencies.during, one.latencies.after)
        numbers = [f"{one.unavailable:.0f}", str(one.failed)]
        rows.append(
            (one.name, *numbers, *(sentences.latencies_text(phase, "/") for phase in three))
        )
    yield from aligned(rows, [False] + [True] * 5)
    for one in report.traffic:
        if one.errors:
            yield f"{one.name} failed by {sentences.errors_text(one.errors)}"


def _width() -> int:
    """The terminal's width, within limits; 80 in a pipe."""
    if not sys.stdout.isatty():
        return WIDTH
    import shutil

    return max(40, min(_WIDEST, shutil.get_terminal_size().columns))


def _signs() -> BarSigns:
    try:
        "".join(PRETTY).encode(sys.stdout.encoding or "ascii")
    except (UnicodeError, LookupError):
        return ASCII
    return PRETTY
