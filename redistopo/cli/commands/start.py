"""``redistopo start``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.nodes
@options.project
@options.engine
@options.timeout("60s", "How long it may take until they are ready.")
@options.output
def start(
    nodes: tuple[str, ...], root: Path, engine: str, timeout: float, as_json: bool, quiet: bool
) -> None:
    """Start nodes that don't run, with their data; the others go on.

    NODE is a port (7001), a name (node2), shard:2 or sentinel; without any, all that don't run. A
    data node that doesn't run has no role. A replica follows the primary as it is now.
    """
    from redistopo.cli.views.node_action import show_acted
    from redistopo.ops.start import StartRequest
    from redistopo.ops.start import start as verb

    request = StartRequest(root=root, words=nodes, seconds=timeout, engine=engine)
    manner = OutputOptions(verb="start", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda progress: verb(request, progress), show_acted)
