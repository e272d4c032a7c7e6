"""`secret rotate`: which passwords changed, and where."""

import click

from redistopo.cli.commands_here import typed
from redistopo.cli.counts import counted
from redistopo.cli.views.verify import show_hints
from redistopo.model.remedies.of_topology import rotate_passwords
from redistopo.model.state.finding import Status
from redistopo.ops.secret import RotateResult


def show_rotation(result: RotateResult) -> None:
    """Print what changed, and what still has to be done."""
    show_hints(result.findings)
    passwords = counted(len(result.users), "password")
    passed = sum(one.status is Status.OK for one in result.findings)
    servers = counted(result.servers, "server")
    where = f"on {servers}, {passed} checks passed" if result.servers else "in all files"
    if result.finished:
        click.echo(f"No new password: the earlier change was completed {where}.")
    else:
        click.echo(f"{passwords} changed {where}")
    if result.finished and not result.kept_old:
        click.echo("The previous password no longer works. For a new one, run it again.")
    if result.kept_old:
        click.echo(typed(rotate_passwords("The old password still works; to remove it: ")))
