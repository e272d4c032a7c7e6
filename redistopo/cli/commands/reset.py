"""``redistopo reset``"""

import sys
from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.named_node
@options.project
@click.option("--hard", is_flag=True, help="Also give it a new id (CLUSTER RESET HARD).")
@click.option("--force", is_flag=True, help="Also where data is lost that no other node has.")
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
@options.timeout("60s", "How long it may take.")
@options.output
def reset(
    nodes: tuple[str, ...],
    root: Path,
    hard: bool,
    force: bool,
    yes: bool,
    timeout: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Take a node out of its cluster, empty (CLUSTER RESET); `up` takes it back.

    Says first what is lost, and asks. A primary hands over to a replica before: then nothing
    is lost. NODE must mean one node: a port (7001), a name (node2), 'shard:2 replica'.
    """
    from redistopo.cli.views.reset import consent, show_reset
    from redistopo.ops.reset import ResetRequest, ResetResult, outlook
    from redistopo.ops.reset import reset as verb
    from redistopo.progress import Progress

    request = ResetRequest(root=root, words=nodes, hard=hard, force=force, seconds=timeout)

    def work(progress: Progress) -> ResetResult:
        if not yes:
            consent(outlook(request), ask=sys.stdin.isatty() and not as_json)
        return verb(request, progress)

    run_and_show(OutputOptions(verb="reset", as_json=as_json, quiet=quiet), work, show_reset)
