"""``redistopo kill``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.named_nodes
@options.project
@click.option(
    "--signal",
    "-s",
    "name",
    default="SIGKILL",
    show_default=True,
    metavar="SIGNAL",
    help="Its name or number, such as TERM, SEGV or 9.",
)
@options.timeout("10s", "How long to wait for the end, after a signal that ends servers.")
@options.output
def kill(
    nodes: tuple[str, ...], root: Path, name: str, timeout: float, as_json: bool, quiet: bool
) -> None:
    """Send a signal to nodes; the usual one kills them, and nothing is saved.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; several
    narrow each other.
    Only processes that redistopo started get it.
    """
    from redistopo.cli.views.node_action import show_acted
    from redistopo.ops.signals import SignalRequest, parse_signal
    from redistopo.ops.signals import kill as verb

    request = SignalRequest(root=root, words=nodes, seconds=timeout)
    manner = OutputOptions(verb="kill", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda progress: verb(request, parse_signal(name), progress), show_acted)
