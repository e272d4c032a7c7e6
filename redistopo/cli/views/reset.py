"""What a reset costs, asked before, and told once it is done."""

import click

from redistopo.cli.views.live_change import cost
from redistopo.cli.views.node_action import show_now
from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.cluster_reset import NodeReset
from redistopo.ops.reset import ResetResult


def consent(found: NodeReset, *, ask: bool) -> None:
    """The user has seen what it costs, and agreed.

    Raises UsageError where nobody can be asked, RedistopoError where the answer was no.
    """
    if found.already:
        return
    if not ask:
        raise UsageError(
            f"a reset of {found.name} is agreed to on a terminal, or by --yes",
            detail="\n".join(found.sentences),
        )
    for one in found.sentences:
        click.echo(f"  {one}", err=True)
    if not click.confirm(f"Reset {found.name}?", err=True):
        raise RedistopoError("nothing was changed")


def show_reset(result: ResetResult) -> None:
    """What became of the node, and what to type."""
    found = result.reset
    if found.already:
        click.echo(found.sentences[0])
    else:
        how = "HARD" if found.hard else "SOFT"
        bold = click.style(found.name, bold=True)
        click.echo(f"{bold}: reset ({how}) in {result.seconds:.2f} s; it knows no other node now")
    if result.handover:
        click.echo(f"  {cost(result.handover)}")
    show_now(result.now)
    click.echo(f"Take it back   {result.next}")
