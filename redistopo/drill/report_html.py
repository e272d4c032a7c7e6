"""A drill's report as self-contained HTML, or its timeline as SVG alone."""

from collections.abc import Sequence

from redistopo.drill import report_sentences as sentences
from redistopo.drill.drill_report import DrillReport
from redistopo.drill.timeline_svg import svg_values
from redistopo.render.jinja_templates import render_template


def drill_svg(report: DrillReport, *, own: str = "") -> str:
    """Return the timeline, without scripts or external resources. `own`: see `render_template`."""
    return render_template(
        "report/drill.svg.j2", {"draw": svg_values(report)}, own=own, markup=True
    )


def drill_html(reports: Sequence[DrillReport], title: str, *, own: str = "") -> str:
    """Return a page with each drill's timeline and numbers, and a summary if there are several."""
    values = {"title": title, "drills": [_section(one) for one in reports]}
    return render_template("report/drill.html.j2", values, own=own, markup=True)


def _section(report: DrillReport) -> dict[str, object]:
    writes = report.part("writes")
    names = {**report.roles_before, **report.roles_after}
    origin = "the first change" if report.phases else "the fault"
    healed = "never" if report.healed is None else f"{report.healed:.1f} s after {origin}"
    return {
        "origin": origin,
        "report": report,
        "draw": svg_values(report),
        "name": sentences.headline(report),
        "unavailable": f"{writes.unavailable:.0f}" if writes else "-",
        "written": sentences.writes_text(report),
        "offered": f"{report.rate} operations per second by {report.clients} clients."
        if report.rate
        else "",
        "phase_columns": sentences.PHASE_COLUMNS,
        "phases": sentences.phase_rows(report),
        "moments": sorted(report.moments, key=lambda one: one.at),
        "roles": [
            (name, report.roles_before.get(name, "-"), report.roles_after.get(name, "-"))
            for name in names
        ],
        "about": f"{sentences.subtitle(report)}, redistopo {report.redistopo}; budget "
        f"{report.budget.seconds:g} s; verified healthy: {healed}",
        "clients": [
            {
                "name": one.name,
                "unavailable": f"{one.unavailable:.0f}",
                "failed": one.failed,
                "errors": sentences.errors_text(one.errors),
                "before": sentences.latencies_text(one.latencies.before),
                "during": sentences.latencies_text(one.latencies.during),
                "after": sentences.latencies_text(one.latencies.after),
            }
            for one in report.traffic
        ],
    }
