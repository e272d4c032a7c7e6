from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("start")
@options.nodes
@options.project
@options.engine
@options.timeout("60s", "Time limit until they are ready.")
@options.output
def command(nodes: tuple[str, ...], root: Path, engine: str, timeout: float) -> None:
    """Start nodes that don't run, with their data.

    NODE is a port (7001), a name (node2), shard:2 or sentinel; the default is all nodes that don't
    run. A stopped data node has no role: as a replica, it follows the current primary.
    """
    from redistopo.cli.views.node_action import show_node_action
    from redistopo.ops.start import StartRequest, start

    request = StartRequest(root=root, words=nodes, seconds=timeout, engine=engine)
    run_and_show(lambda progress: start(request, progress), show_node_action)
