from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("resume")
@options.nodes
@options.project
@options.timeout("10s", "Time limit until they reply.")
@options.output
def command(nodes: tuple[str, ...], root: Path, timeout: float) -> None:
    """Resume paused nodes (SIGCONT).

    Returns when they reply. NODE is a port (7001), a name (node2), shard:2 or sentinel; the
    default is all paused nodes.
    """
    from redistopo.cli.views.node_action import show_node_action
    from redistopo.ops.signals import SignalRequest, resume

    request = SignalRequest(root=root, words=nodes, seconds=timeout)
    run_and_show(lambda progress: resume(request, progress), show_node_action)
