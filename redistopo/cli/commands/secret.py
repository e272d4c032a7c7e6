from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show
from redistopo.cli.verb_group import SubGroup


@click.group("secret", cls=SubGroup)
def command() -> None:
    """Show the password, or change it without downtime."""


@command.command()
@options.project
@click.option(
    "--user",
    type=click.Choice(["default", "replication", "sentinel", "admin"]),
    default="default",
    show_default=True,
    help="User, with acl = true; sentinel: the password of the Sentinels.",
)
@options.output
def show(root: Path, user: str) -> None:
    """Print the password."""
    from redistopo.ops.secret import show as verb

    run_and_show(
        lambda _progress: verb(root, user), lambda result: click.echo(result.password), value=True
    )


@command.command()
@options.project
@click.option("--keep-old", is_flag=True, help="Accept both passwords, until the next rotation.")
@options.dry_run
@options.yes("Don't ask.")
@options.timeout("30s", "Time limit for the checks afterwards.")
@options.output
def rotate(root: Path, keep_old: bool, dry_run: bool, yes: bool, timeout: float) -> None:
    """Change all passwords while the topology runs.

    No connection is closed: servers accept the new password beside the old one, replicas and
    files change to it, then the old one is removed. With password_file or REDISTOPO_PASSWORD, set
    the new password there first. Without --keep-old, a terminal is asked first.
    """
    from redistopo.cli.views import preview
    from redistopo.cli.views.secret import show_rotation
    from redistopo.ops.secret import preview_rotate
    from redistopo.ops.secret import rotate as verb

    preview.run_previewed(
        lambda: preview_rotate(root, keep_old=keep_old),
        lambda progress: verb(root, progress, keep_old=keep_old, seconds=timeout),
        show_rotation,
        dry=dry_run,
        yes=yes,
    )
