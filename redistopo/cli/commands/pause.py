from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("pause")
@options.named_nodes
@options.project
@options.dry_run
@options.yes("Don't ask.")
@options.timeout("10s", "Time limit until they are stopped.")
@options.output
def command(nodes: tuple[str, ...], root: Path, dry_run: bool, yes: bool, timeout: float) -> None:
    """Pause nodes (SIGSTOP): commands get no reply.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; different
    kinds narrow the selection. If the service loses something, a terminal is asked first.
    """
    from redistopo.cli.views import preview
    from redistopo.cli.views.node_action import show_node_action
    from redistopo.ops.preview import preview_pause
    from redistopo.ops.signals import SignalRequest, pause
    from redistopo.progress import Progress
    from redistopo.session.node_action import NodeActionResult

    request = SignalRequest(root=root, words=nodes, seconds=timeout)
    if dry_run:
        preview.dry_run(lambda: preview_pause(request))
        return

    def work(progress: Progress) -> NodeActionResult:
        preview.confirm(lambda: preview_pause(request), yes=yes)
        return pause(request, progress)

    run_and_show(work, show_node_action)
