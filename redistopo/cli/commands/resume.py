"""``redistopo resume``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.nodes
@options.project
@options.timeout("10s", "How long it may take until they answer.")
@options.output
def resume(nodes: tuple[str, ...], root: Path, timeout: float, as_json: bool, quiet: bool) -> None:
    """Let paused nodes go on (SIGCONT), and wait until they answer.

    NODE is a port (7001), a name (node2), shard:2 or sentinel; without any, all that are paused.
    """
    from redistopo.cli.views.node_action import show_acted
    from redistopo.ops.signals import SignalRequest
    from redistopo.ops.signals import resume as verb

    request = SignalRequest(root=root, words=nodes, seconds=timeout)
    manner = OutputOptions(verb="resume", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda progress: verb(request, progress), show_acted)
