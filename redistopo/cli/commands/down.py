"""``redistopo down``"""

import sys
from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show
from redistopo.errors import ExitCode


@click.command()
@options.project
@click.option("--wipe", is_flag=True, help="Also remove configuration, password and data.")
@click.option("--yes", "-y", is_flag=True, help="Don't ask before --wipe.")
@click.option("--force", is_flag=True, help="Also stop what can't save; unsaved data is lost.")
@options.timeout("30s", "After this long, what still runs is killed.")
@options.output
def down(
    root: Path, wipe: bool, yes: bool, force: bool, timeout: float, as_json: bool, quiet: bool
) -> None:
    """Stop the topology; data is kept.

    Replicas first, then primaries; only processes that redistopo started.
    """
    from redistopo.ops.down import DownRequest, DownResult
    from redistopo.ops.down import down as verb

    if wipe and not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("--wipe removes all data: without a terminal it needs --yes")
        place = root.resolve()
        if not click.confirm(f"Remove all data of the topology in {place}?", err=True):
            click.echo("Nothing was stopped, nothing was removed.")
            sys.exit(ExitCode.FAILED)
    request = DownRequest(root=root, seconds=timeout, wipe=wipe, force=force)

    def show(result: DownResult) -> None:
        stopped = len(result.stopped)
        if stopped:
            servers = "1 server" if stopped == 1 else f"{stopped} servers"
            click.echo(f"{servers} stopped in {result.seconds:.2f} s")
        else:
            click.echo("Nothing was running.")
        if result.wiped:
            click.echo("Configuration, password and data are gone; redistopo.toml is kept.")
        elif result.data_kept:
            click.echo("Data is kept: redistopo up starts it again, down --wipe removes it.")

    run_and_show(
        OutputOptions(verb="down", as_json=as_json, quiet=quiet), lambda t: verb(request, t), show
    )
