from pathlib import Path

import click

from redistopo.cli import complete, options
from redistopo.cli.run_verb import run_and_show
from redistopo.cli.usage_hints import ExactForm


@click.command("set")
@click.argument("directive", shell_complete=complete.directives)
@click.argument("value", nargs=-1, metavar="VALUE...")
@options.project
@options.node_option("--node", "nodes", "Only these nodes: node2, 7001, 'shard:1'.")
@options.timeout("30s", "Time limit.")
@options.output
def command(
    directive: str, value: tuple[str, ...], root: Path, nodes: tuple[str, ...], timeout: float
) -> None:
    """Set a directive on running servers and in the file.

    In both or in neither: redistopo.toml is written when every server has accepted the value; its
    comments and layout are kept. If a server needs a restart for the directive, that is printed.
    """
    from redistopo.cli.views.live_change import show_set
    from redistopo.ops.set import SetRequest, set_directive

    if "=" in directive and not value:
        directive, _, text = directive.partition("=")
        value = (text,)
    if not value:
        raise ExactForm(
            f"no value for {directive}",
            f"redistopo set {directive} VALUE; to read it: redistopo call CONFIG GET {directive}",
        )
    request = SetRequest(root=root, directive=directive, value=value, words=nodes, seconds=timeout)
    run_and_show(lambda progress: set_directive(request, progress), show_set)
