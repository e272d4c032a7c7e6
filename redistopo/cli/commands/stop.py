from pathlib import Path

import click

from redistopo.cli import options


@click.command("stop")
@options.named_nodes
@options.project
@click.option("--force", is_flag=True, help="Also nodes that can't save; that data is lost.")
@options.skip_unreachable
@options.dry_run
@options.yes("Don't ask.")
@options.timeout("30s", "After this time, kill the nodes that still run.")
@options.output
def command(
    nodes: tuple[str, ...],
    root: Path,
    force: bool,
    skip_unreachable: bool,
    dry_run: bool,
    yes: bool,
    timeout: float,
) -> None:
    """Stop nodes after they saved their data.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; different
    kinds narrow the selection. Other nodes continue. If the service loses something, a terminal
    is asked first.
    """
    from redistopo.cli.views import preview
    from redistopo.cli.views.node_action import show_node_action
    from redistopo.ops.preview import preview_stop
    from redistopo.ops.stop import StopRequest, stop

    request = StopRequest(
        root=root, words=nodes, seconds=timeout, force=force, skip_unreachable=skip_unreachable
    )
    preview.run_previewed(
        lambda: preview_stop(request),
        lambda progress: stop(request, progress),
        show_node_action,
        dry=dry_run,
        yes=yes,
    )
