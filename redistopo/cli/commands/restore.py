from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("restore")
@click.argument("name")
@options.project
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="DIR",
    help="Restore into another folder: an empty one, or a project.",
)
@click.option("--force", is_flag=True, help="Replace the data that is there; it is lost.")
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Compare the digest of the data.  [if at most 64 MB, 100,000 keys]",
)
@options.timeout("10m", "Time limit.")
@options.output
def command(
    name: str,
    root: Path,
    into: Path | None,
    force: bool,
    verify: bool | None,
    timeout: float,
) -> None:
    """Start a topology with the data of a snapshot.

    NAME is a snapshot of this topology, or the path of one. The folder's own redistopo.toml is
    used, with any number of shards; a folder without one gets the snapshot's, with free ports. If
    anything fails, the folder is as before.
    """
    from redistopo.cli.views.restore import show_restore
    from redistopo.ops.restore import RestoreRequest, restore

    request = RestoreRequest(
        root=root, name=name, into=into, force=force, verify=verify, seconds=timeout
    )
    run_and_show(lambda progress: restore(request, progress), show_restore)
