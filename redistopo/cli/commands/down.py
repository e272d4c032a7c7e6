import sys
from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.counts import counted
from redistopo.cli.run_verb import run_and_show
from redistopo.cli.usage_hints import ExactForm
from redistopo.errors import ExitCode


@click.command("down")
@options.project
@click.option("--wipe", is_flag=True, help="Also remove configuration, passwords and data.")
@options.yes("Don't ask before --wipe.")
@click.option("--force", is_flag=True, help="Also stop nodes that can't save; that data is lost.")
@options.timeout("30s", "After this time, kill the nodes that still run.")
@options.output
def command(root: Path, wipe: bool, yes: bool, force: bool, timeout: float) -> None:
    """Stop the topology; data is kept.

    Stops replicas first, then primaries, and only processes that redistopo started.
    """
    from redistopo.ops.down import DownRequest, DownResult, down

    if wipe and not yes:
        if not sys.stdin.isatty():
            raise ExactForm(
                "--wipe removes all data, and needs --yes without a terminal",
                "redistopo down --wipe --yes",
            )
        if not click.confirm(f"Remove all data of the topology in {root.resolve()}?", err=True):
            click.echo("Nothing was stopped or removed.")
            sys.exit(ExitCode.FAILED)
    request = DownRequest(root=root, seconds=timeout, wipe=wipe, force=force)

    def show(result: DownResult) -> None:
        if result.stopped:
            servers = counted(len(result.stopped), "server")
            click.echo(f"{servers} stopped in {result.seconds:.2f} s")
        else:
            click.echo("Nothing was running.")
        if result.wiped:
            click.echo("Configuration, passwords and data are removed; redistopo.toml is kept.")
        elif result.data_kept:
            click.echo("Data is kept: redistopo up starts it again, down --wipe removes it.")

    run_and_show(lambda progress: down(request, progress), show)
