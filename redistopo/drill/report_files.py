"""Writes a drill's report as an HTML or SVG file, and its verdict as JUnit XML."""

from collections.abc import Sequence
from pathlib import Path

from redistopo.drill.drill_report import DrillReport
from redistopo.errors import UsageError
from redistopo.host.files import write_named

_PAGES = (".html", ".htm")


def refuse_report(path: Path, *, many: bool = False) -> None:
    """Raise UsageError if the file's name allows no report; call it before the drill."""
    if path.suffix.lower() in _PAGES:
        return
    if path.suffix.lower() != ".svg":
        raise UsageError(f"a report is HTML or SVG, not {path.name}", hint="--report drill.html")
    if many:
        raise UsageError("an SVG shows one drill", hint="for several drills: --report drills.html")


def write_report(
    reports: Sequence[DrillReport], path: Path, *, root: Path, title: str = ""
) -> None:
    """Write a page with all reports, or the timeline of a single one (`.svg`), with the templates
    of the project in `root`, if it has its own."""
    from redistopo.drill.report_html import drill_html, drill_svg
    from redistopo.project.load import load_project, plan_of
    from redistopo.render.conf import own_templates

    refuse_report(path, many=len(reports) != 1)
    own = own_templates(plan_of(load_project(root), assume=True))
    if path.suffix.lower() == ".svg":
        text = drill_svg(reports[0], own=own)
    else:
        text = drill_html(reports, title or "Failover drills", own=own)
    _write(path, text)


def write_drills_junit(reports: Sequence[DrillReport], path: Path, *, name: str) -> None:
    """Write one test case for each drill."""
    from redistopo.drill.report_junit import drills_junit

    _write(path, drills_junit(reports, name))


def _write(path: Path, text: str) -> None:
    write_named(path, text)
