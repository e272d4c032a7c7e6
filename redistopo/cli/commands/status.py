from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("status")
@options.nodes
@options.project
@options.output
def command(nodes: tuple[str, ...], root: Path) -> None:
    """Show each node: role, state, slots, memory, lag.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; different
    kinds narrow the selection; the default is all nodes. `redistopo watch` repeats it.
    """
    from redistopo.cli.views.status import show_status
    from redistopo.ops.status import status

    run_and_show(lambda _progress: status(root, nodes), show_status)
