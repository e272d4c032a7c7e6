"""`drill all`: a line for each drill, then what failed and why."""

import click

from redistopo.cli import theme
from redistopo.cli.table import print_table
from redistopo.cli.views.drill import summary
from redistopo.ops.drill_all import DrillAllResult


def show_drill_all(result: DrillAllResult) -> None:
    """Print the table, the reason of each failure, and a closing line."""
    print_table(summary(one.report for one in result.drills))
    for one in result.drills:
        for reason in one.report.reasons:
            click.echo(theme.paint(f"{one.name}: ", theme.ERROR) + reason)
    passed = sum(one.passed for one in result.drills)
    word = "Passed" if result.passed else "Failed"
    click.echo(
        theme.verdict(word, good=result.passed)
        + f"  {passed} of {len(result.drills)} drills passed in {result.seconds:.0f} s"
        + f" ({result.scenario})"
    )
