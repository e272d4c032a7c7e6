import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redistopo.cli import options
from redistopo.cli.commands_here import here
from redistopo.cli.counts import counted
from redistopo.cli.printable import printable
from redistopo.cli.usage_hints import ExactForm
from redistopo.errors import ExitCode
from redistopo.model.remedies.of_topology import wipe

if TYPE_CHECKING:
    from redistopo.ops.down import DownResult


@click.command("down")
@options.project
@click.option("--wipe", is_flag=True, help="Also remove configuration, passwords and data.")
@options.dry_run
@options.yes("Don't ask.")
@click.option("--force", is_flag=True, help="Also stop nodes that can't save; that data is lost.")
@options.timeout("30s", "After this time, kill the nodes that still run.")
@options.output
def command(root: Path, wipe: bool, dry_run: bool, yes: bool, force: bool, timeout: float) -> None:
    """Stop the topology; data is kept.

    Stops replicas first, then primaries, and only processes that redistopo started.
    """
    from redistopo.cli.views import preview
    from redistopo.ops.down import DownRequest, down
    from redistopo.ops.preview import preview_down

    request = DownRequest(root=root, seconds=timeout, wipe=wipe, force=force)
    if wipe and not (yes or dry_run):
        _confirm_wipe(root)
    preview.run_previewed(
        lambda: preview_down(request),
        lambda progress: down(request, progress),
        _show,
        dry=dry_run,
        yes=yes or wipe,  # --wipe has asked
    )


def _confirm_wipe(root: Path) -> None:
    if not sys.stdin.isatty():
        raise ExactForm(
            "--wipe removes all data, and needs --yes without a terminal",
            wipe(" --yes"),
        )
    if not click.confirm(
        f"Remove all data of the topology in {printable(str(root.resolve()))}?", err=True
    ):
        click.echo("Nothing was stopped or removed.")
        sys.exit(ExitCode.FAILED)


def _show(result: "DownResult") -> None:
    if result.stopped:
        servers = counted(len(result.stopped), "server")
        click.echo(f"{servers} stopped in {result.seconds:.2f} s")
    else:
        click.echo("Nothing was running.")
    if result.wiped:
        click.echo("Configuration, passwords and data are removed; redistopo.toml is kept.")
    elif result.unsaved:
        lost = ", ".join(result.unsaved)
        click.echo(f"The keys of {lost} are gone: no persistence was on.")
        click.echo(here("Configuration is kept: redistopo up starts it again."))
    elif result.data_kept:
        click.echo(here("Data is kept: redistopo up starts it again, down --wipe removes it."))
