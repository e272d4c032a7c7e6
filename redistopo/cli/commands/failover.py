"""``redistopo failover``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@click.argument("nodes", nargs=-1, metavar="[NODE]...")
@options.project
@options.timeout("60s", "How long it may take until every node agrees.")
@options.output
def failover(
    nodes: tuple[str, ...], root: Path, timeout: float, as_json: bool, quiet: bool
) -> None:
    """Hand a shard over to a replica; no acknowledged write is lost.

    NODE is who shall lead: node5, 7004; or of whom the fittest shall: shard:2. Writes wait
    for the moment of the handover; if it fails, the primary leads as before.
    """
    from redistopo.cli.views.live_change import show_failover
    from redistopo.ops.failover import FailoverRequest
    from redistopo.ops.failover import failover as verb

    request = FailoverRequest(root=root, words=nodes, seconds=timeout)
    manner = OutputOptions(verb="failover", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda progress: verb(request, progress), show_failover)
