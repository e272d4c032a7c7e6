"""`undo`: what was taken back."""

import click

from redistopo.cli.counts import counted
from redistopo.cli.printable import printable
from redistopo.ops.undo import UndoResult


def show_undone(result: UndoResult) -> None:
    """Print what was taken back."""
    moved = f"{counted(result.slots, 'slot')} moved back " if result.slots else ""
    click.echo(f"Taken back: {printable(result.command)}")
    click.echo(f"  {moved}in {result.seconds:.2f} s; all nodes agree")
    if result.file:
        click.echo("  redistopo.toml is as it was before")
