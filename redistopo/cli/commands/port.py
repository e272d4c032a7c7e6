from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("port")
@options.named_nodes
@options.project
@options.output
def command(nodes: tuple[str, ...], root: Path) -> None:
    """Print the ports of nodes, one per line: redistopo port shard:2 primary.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; different
    kinds narrow the selection.
    """
    from redistopo.ops.port import PortResult, port

    def show(result: PortResult) -> None:
        for number in result.ports:
            click.echo(str(number))

    run_and_show(lambda _progress: port(root, nodes), show, value=True)
