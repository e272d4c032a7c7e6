"""`drill all`: a line for each drill, then what failed and why."""

import click

from redistopo.cli.sheet import Sheet, show
from redistopo.model.drill import DrillReport
from redistopo.ops.drill_all import DrillAllResult, DrillDone


def show_drill_all(result: DrillAllResult) -> None:
    """The table, the reasons of what failed, and one closing line."""
    show(
        Sheet(
            columns=("drill", "fault", "hurt", "verdict", "writes away", "reads away",
                     "acknowledged", "lost", "healed"),
            rows=[_row(one) for one in result.drills],
            right=frozenset({"writes away", "reads away", "acknowledged", "lost", "healed"}),
        )
    )  # fmt: skip
    for one in result.drills:
        for reason in one.report.reasons:
            click.echo(click.style(f"{one.name}: ", fg="red") + reason)
    failed = sum(not one.passed for one in result.drills)
    count = f"{len(result.drills) - failed} of {len(result.drills)} drills passed"
    word = (
        click.style("Failed", fg="red", bold=True)
        if failed
        else click.style("Passed", fg="green", bold=True)
    )
    click.echo(f"{word}  {count} in {result.seconds:.0f} s ({result.scenario})")


def _row(one: DrillDone) -> tuple[str, ...]:
    report = one.report
    if not one.done:
        return (one.name, one.fault.value, ", ".join(one.nodes), "not done", *("-" * 5))
    return (
        one.name,
        one.fault.value,
        report.target,
        "ok" if one.passed else "fail",
        _away(report, "writes"),
        _away(report, "reads"),
        str(report.writes.acknowledged),
        str(report.writes.lost),
        "-" if report.healed is None else f"{report.healed:.1f} s",
    )


def _away(report: DrillReport, name: str) -> str:
    part = report.part(name)
    return "-" if part is None else f"{part.unavailable:.0f} ms"
