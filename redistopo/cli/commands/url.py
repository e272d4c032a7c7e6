from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("url")
@options.nodes
@options.project
@options.output
def command(nodes: tuple[str, ...], root: Path) -> None:
    """Print the URL of the primary or of a node, with the password.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; different
    kinds narrow the selection to one node. The password is percent-encoded.
    """
    from redistopo.ops.url import url

    run_and_show(
        lambda _progress: url(root, nodes), lambda result: click.echo(result.url), value=True
    )
