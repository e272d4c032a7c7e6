"""``redistopo status``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.project
@options.output
def status(root: Path, as_json: bool, quiet: bool) -> None:
    """Show every node: role, state, slots, memory, clients, lag."""
    from redistopo.cli.views.status import show_status
    from redistopo.ops.status import status as verb

    manner = OutputOptions(verb="status", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda _tell: verb(root), show_status)
