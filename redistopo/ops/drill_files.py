"""A drill's report as files: JUnit XML for a CI, HTML or SVG for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from redistopo.errors import WrongRequest
from redistopo.model.drill import DrillReport
from redistopo.world.files import writing

_KINDS = (".html", ".svg")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillFiles:
    """Where to write what; None for nowhere. Raises WrongRequest for a report of another kind."""

    junit: Path | None = None
    report: Path | None = None

    def __post_init__(self) -> None:
        if self.report is not None and self.report.suffix.lower() not in _KINDS:
            raise WrongRequest(
                f"a report is written as {' or '.join(_KINDS)}, and {self.report.name} is neither",
                hint="--report drill.html",
            )

    def write(self, reports: Sequence[DrillReport], name: str) -> None:
        """The files hold these drills; a report is of one drill."""
        if self.junit is not None:
            from redistopo.render.junit import drills_junit

            _write(self.junit, drills_junit(reports, f"redistopo drill {name}"))
        if self.report is not None and reports:
            from redistopo.render.report import drill_html, drill_svg

            draw = drill_svg if self.report.suffix.lower() == ".svg" else drill_html
            _write(self.report, draw(reports[0]))


def _write(path: Path, text: str) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
