from pathlib import Path

import click

from redistopo.cli import complete, options
from redistopo.cli.usage_hints import ExactForm


@click.command("set")
@click.argument("directive", shell_complete=complete.directives)
@click.argument("value", nargs=-1, metavar="VALUE...")
@options.project
@options.node_option("--node", "nodes", "Only these nodes: node2, 7001, 'shard:1'.")
@options.dry_run
@options.yes("Don't ask.")
@options.timeout("30s", "Time limit.")
@options.output
def command(
    directive: str,
    value: tuple[str, ...],
    root: Path,
    nodes: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    timeout: float,
) -> None:
    """Set a directive on running servers and in the file.

    In both or in neither: redistopo.toml is written when every server has accepted the value; its
    comments and layout are kept. If a server needs a restart for the directive, that is printed. If
    the service loses something by the value, a terminal is asked first.
    """
    from redistopo.cli.views import preview
    from redistopo.cli.views.live_change import show_set
    from redistopo.ops.directive_edit import SetRequest
    from redistopo.ops.set import preview_set, set_directive

    if "=" in directive and not value:
        directive, _, text = directive.partition("=")
        value = (text,)
    if not value:
        raise ExactForm(
            f"no value for {directive}",
            f"redistopo set {directive} VALUE; to read it: redistopo call CONFIG GET {directive}",
        )
    request = SetRequest(root=root, directive=directive, value=value, words=nodes, seconds=timeout)
    preview.run_previewed(
        lambda: preview_set(request),
        lambda progress: set_directive(request, progress),
        show_set,
        dry=dry_run,
        yes=yes,
    )
