"""``redistopo set``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command("set")
@click.argument("directive")
@click.argument("value", nargs=-1, required=True)
@options.project
@click.option(
    "--node", "nodes", multiple=True, metavar="NODE", help="Only there: node2, 7001, 'shard:1'."
)
@options.timeout("30s", "How long it may take.")
@options.output
def set_(
    directive: str,
    value: tuple[str, ...],
    root: Path,
    nodes: tuple[str, ...],
    timeout: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Set a directive on running servers and in redistopo.toml.

    In both or in neither: the file is written once every server took the value. Comments
    and layout stay. What servers take at a start alone is named, with the restart it needs.
    """
    from redistopo.cli.views.live_change import show_set
    from redistopo.ops.set import SetRequest, set_directive

    request = SetRequest(root=root, directive=directive, value=value, words=nodes, seconds=timeout)
    manner = OutputOptions(verb="set", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda progress: set_directive(request, progress), show_set)
