"""``redistopo pause``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.named_nodes
@options.project
@options.timeout("10s", "How long it may take until they stand still.")
@options.output
def pause(nodes: tuple[str, ...], root: Path, timeout: float, as_json: bool, quiet: bool) -> None:
    """Let nodes stand still (SIGSTOP): connections stay open, nobody answers.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; several
    narrow each other.
    """
    from redistopo.cli.views.node_action import show_acted
    from redistopo.ops.signals import SignalRequest
    from redistopo.ops.signals import pause as verb

    request = SignalRequest(root=root, words=nodes, seconds=timeout)
    manner = OutputOptions(verb="pause", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda progress: verb(request, progress), show_acted)
