from pathlib import Path

import click

from redistopo.cli import options


@click.command("pause")
@options.named_nodes
@options.project
@options.skip_unreachable
@options.dry_run
@options.yes("Don't ask.")
@options.timeout("10s", "Time limit until they are stopped.")
@options.output
def command(
    nodes: tuple[str, ...],
    root: Path,
    skip_unreachable: bool,
    dry_run: bool,
    yes: bool,
    timeout: float,
) -> None:
    """Pause nodes (SIGSTOP): commands get no reply.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; different
    kinds narrow the selection. If the service loses something, a terminal is asked first.
    """
    from redistopo.cli.views import preview
    from redistopo.cli.views.node_action import show_node_action
    from redistopo.ops.preview import preview_pause
    from redistopo.ops.signals import SignalRequest, pause

    request = SignalRequest(
        root=root, words=nodes, seconds=timeout, skip_unreachable=skip_unreachable
    )
    preview.run_previewed(
        lambda: preview_pause(request),
        lambda progress: pause(request, progress),
        show_node_action,
        dry=dry_run,
        yes=yes,
    )
