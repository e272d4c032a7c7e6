from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("snapshots")
@options.project
@click.option("--verify", is_flag=True, help="Compare checksums, load the files, compare digests.")
@options.timeout("10m", "Time limit of --verify.")
@options.output
def command(root: Path, verify: bool, timeout: float) -> None:
    """List the snapshots of this topology.

    With --verify, each file is loaded into a temporary server, and its data compared with what was
    saved; the exit code is 3 if a snapshot can't be used.
    """
    from redistopo.cli.views.snapshot import show_snapshots
    from redistopo.ops.snapshots import SnapshotsRequest, snapshots

    request = SnapshotsRequest(root=root, verify=verify, seconds=timeout)
    run_and_show(lambda progress: snapshots(request, progress), show_snapshots)
