from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("pause")
@options.named_nodes
@options.project
@options.timeout("10s", "Time limit until they are stopped.")
@options.output
def command(nodes: tuple[str, ...], root: Path, timeout: float) -> None:
    """Pause nodes (SIGSTOP): commands get no reply.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; different
    kinds narrow the selection.
    """
    from redistopo.cli.views.node_action import show_node_action
    from redistopo.ops.signals import SignalRequest, pause

    request = SignalRequest(root=root, words=nodes, seconds=timeout)
    run_and_show(lambda progress: pause(request, progress), show_node_action)
