"""``redistopo stop``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.named_nodes
@options.project
@click.option("--force", is_flag=True, help="Also stop what can't save; unsaved data is lost.")
@options.timeout("30s", "After this long, what still runs is killed.")
@options.output
def stop(
    nodes: tuple[str, ...], root: Path, force: bool, timeout: float, as_json: bool, quiet: bool
) -> None:
    """Stop some nodes, their data saved; the others go on.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; several
    narrow each other.
    """
    from redistopo.cli.views.node_action import show_acted
    from redistopo.ops.stop import StopRequest
    from redistopo.ops.stop import stop as verb

    request = StopRequest(root=root, words=nodes, seconds=timeout, force=force)
    manner = OutputOptions(verb="stop", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda progress: verb(request, progress), show_acted)
