from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("stop")
@options.named_nodes
@options.project
@click.option("--force", is_flag=True, help="Also nodes that can't save; that data is lost.")
@options.timeout("30s", "After this time, kill the nodes that still run.")
@options.output
def command(nodes: tuple[str, ...], root: Path, force: bool, timeout: float) -> None:
    """Stop nodes after they saved their data.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; different
    kinds narrow the selection. Other nodes continue.
    """
    from redistopo.cli.views.node_action import show_node_action
    from redistopo.ops.stop import StopRequest, stop

    request = StopRequest(root=root, words=nodes, seconds=timeout, force=force)
    run_and_show(lambda progress: stop(request, progress), show_node_action)
