from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import output, run_and_show


@click.command("reset")
@options.named_node
@options.project
@click.option("--hard", is_flag=True, help="Also give it a new id (CLUSTER RESET HARD).")
@click.option("--force", is_flag=True, help="Also if it has the only copy of data; it is lost.")
@options.dry_run
@options.yes("Don't ask.")
@options.timeout("60s", "Time limit.")
@options.output
def command(
    nodes: tuple[str, ...],
    root: Path,
    hard: bool,
    force: bool,
    dry_run: bool,
    yes: bool,
    timeout: float,
) -> None:
    """Remove a node from its cluster (CLUSTER RESET).

    The node is empty afterwards; `up` adds it again. First shows what is lost, and asks. If it is
    a primary, a replica is promoted first: then nothing is lost. NODE must select one node: a port
    (7001), a name (node2), 'shard:2 replica'.
    """
    from redistopo.cli.views import preview
    from redistopo.cli.views.reset import confirm_reset, show_reset
    from redistopo.ops.preview import preview_reset
    from redistopo.ops.reset import ResetRequest, ResetResult, outlook, reset
    from redistopo.progress import Progress

    request = ResetRequest(root=root, words=nodes, hard=hard, force=force, seconds=timeout)
    if dry_run:
        preview.dry_run(lambda: preview_reset(request))
        return

    def work(progress: Progress) -> ResetResult:
        if not yes:
            confirm_reset(outlook(request), ask=output().interactive)
        return reset(request, progress)

    run_and_show(work, show_reset)
