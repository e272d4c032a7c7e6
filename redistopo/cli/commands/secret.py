"""``redistopo secret``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.group()
def secret() -> None:
    """Show the password, or change it on a running topology."""


@secret.command()
@options.project
@click.option(
    "--user",
    type=click.Choice(["default", "replication", "sentinel", "admin"]),
    default="default",
    show_default=True,
    help="Whose password, with acl; sentinel: the Sentinels' own.",
)
@options.output
def show(root: Path, user: str, as_json: bool, quiet: bool) -> None:
    """Print the password: the one command that does."""
    from redistopo.ops.secret import show as verb

    manner = OutputOptions(verb="secret show", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda _tell: verb(root, user), lambda result: click.echo(result.password))


@secret.command()
@options.project
@click.option("--keep-old", is_flag=True, help="Both passwords work, until you run it again.")
@options.timeout("30s", "How long the proof afterwards may take.")
@options.output
def rotate(root: Path, keep_old: bool, timeout: float, as_json: bool, quiet: bool) -> None:
    """Change every password, while the topology runs.

    No connection is closed: servers take the new password beside the old one, replicas and
    files change over, then the old one goes. With password_file or REDISTOPO_PASSWORD, put
    the new one there first.
    """
    from redistopo.cli.views.verify import show_hints
    from redistopo.model.state.finding import Status
    from redistopo.ops.secret import RotateResult
    from redistopo.ops.secret import rotate as verb

    def told(result: RotateResult) -> None:
        show_hints(result.findings)
        passwords = "1 password" if len(result.users) == 1 else f"{len(result.users)} passwords"
        proof = sum(one.status is Status.OK for one in result.findings)
        servers = "1 server" if result.servers == 1 else f"{result.servers} servers"
        where = f"on {servers}, {proof} checks passed" if result.servers else "in all files"
        if result.finished:
            click.echo(f"No new password: the change begun earlier was carried on {where}.")
        else:
            click.echo(f"{passwords} changed {where}")
        if result.finished and not result.kept_old:
            click.echo("The one before it works no longer. For a new one, run it again.")
        if result.kept_old:
            click.echo("The old one still works; end that: redistopo secret rotate")

    manner = OutputOptions(verb="secret rotate", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda t: verb(root, t, keep_old=keep_old, seconds=timeout), told)
