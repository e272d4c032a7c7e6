"""`move`: where the topology is now."""

import click

from redistopo.cli.commands_here import at
from redistopo.ops.move import MoveResult


def show_move(result: MoveResult) -> None:
    """Print the new place, and how to start it unless it runs."""
    click.echo(f"{result.root}: {result.host}, ports {result.ports}")
    if result.restarted:
        count = len(result.restarted)
        click.echo(f"{count} nodes moved one after the other, in {result.seconds:.2f} s")
    elif result.runs:
        click.echo(f"All nodes run again, after {result.seconds:.2f} s")
    else:
        click.echo(at(result.root, "Start it: redistopo up"))
