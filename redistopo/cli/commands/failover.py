from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("failover")
@options.nodes
@options.project
@options.dry_run
@options.timeout("60s", "Time limit until every node agrees.")
@options.output
def command(nodes: tuple[str, ...], root: Path, dry_run: bool, timeout: float) -> None:
    """Promote a replica; no acknowledged write is lost.

    NODE is the replica to promote (node5, 7004), or the shard whose best replica is promoted
    (shard:2). Writes wait during the switch; if it fails, the primary stays primary.
    """
    from redistopo.cli.views import preview
    from redistopo.cli.views.live_change import show_failover
    from redistopo.ops.failover import FailoverRequest, failover, preview_failover

    request = FailoverRequest(root=root, words=nodes, seconds=timeout)
    if dry_run:
        preview.dry_run(lambda: preview_failover(request))
        return
    run_and_show(lambda progress: failover(request, progress), show_failover)
