"""`drill all`: a line for each drill, then what failed and why."""

import click

from redistopo.cli.table import print_table
from redistopo.cli.views.drill import summary
from redistopo.ops.drill_all import DrillAllResult


def show_drill_all(result: DrillAllResult) -> None:
    """The table, the reasons of what failed, and one closing line."""
    print_table(summary(one.report for one in result.drills))
    for one in result.drills:
        for reason in one.report.reasons:
            click.echo(click.style(f"{one.name}: ", fg="red") + reason)
    passed = sum(one.passed for one in result.drills)
    word = "Passed" if result.passed else "Failed"
    click.echo(
        click.style(word, fg="green" if result.passed else "red", bold=True)
        + f"  {passed} of {len(result.drills)} drills passed in {result.seconds:.0f} s"
        + f" ({result.scenario})"
    )
