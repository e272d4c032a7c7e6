"""The files that a drill leaves: its report as HTML or SVG, its verdict as JUnit XML."""

from collections.abc import Sequence
from pathlib import Path

from redistopo.drill.report import DrillReport
from redistopo.errors import UsageError
from redistopo.host.files import write_errors

_PAGES = (".html", ".htm")


def refuse_report(path: Path, *, many: bool = False) -> None:
    """Raises UsageError where no report can go by that name; ask it before the drill."""
    if path.suffix.lower() in _PAGES:
        return
    if path.suffix.lower() != ".svg":
        raise UsageError(
            f"a report is HTML or SVG, and {path.name} is neither", hint="--report drill.html"
        )
    if many:
        raise UsageError("an SVG shows one drill", hint="for several: --report drills.html")


def write_report(
    reports: Sequence[DrillReport], path: Path, *, title: str = "", own: str = ""
) -> None:
    """The file holds a page with all of them, or the timeline of the one alone (`.svg`).

    `own` is the user's own folder of templates (render.conf, `own_templates`).
    """
    from redistopo.drill.report_html import drill_html, drill_svg

    refuse_report(path, many=len(reports) != 1)
    if path.suffix.lower() == ".svg":
        text = drill_svg(reports[0], own=own)
    else:
        text = drill_html(reports, title or "Failover drills", own=own)
    _write(path, text)


def write_drills_junit(reports: Sequence[DrillReport], path: Path, *, name: str) -> None:
    """The file holds one test case for each drill."""
    from redistopo.drill.junit import drills_junit

    _write(path, drills_junit(reports, name))


def _write(path: Path, text: str) -> None:
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
