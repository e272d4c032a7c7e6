from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("clone")
@click.argument("into", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@options.project
@click.option("--pause", is_flag=True, help="Pause writes, so that all shards have one moment.")
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Compare a digest of the data.  [if at most 64 MB, 100,000 keys]",
)
@options.timeout("10m", "Time limit.")
@options.output
def command(into: Path, root: Path, pause: bool, verify: bool | None, timeout: float) -> None:
    """Start a second topology with the data of this one.

    DIR is an empty folder, which gets this topology file with free ports, or a project that has no
    data yet, with any number of shards. This topology serves in the meantime.
    """
    from redistopo.cli.views.restore import show_restore
    from redistopo.ops.clone import CloneRequest, clone

    request = CloneRequest(root=root, into=into, pause=pause, verify=verify, seconds=timeout)
    run_and_show(lambda progress: clone(request, progress), show_restore)
