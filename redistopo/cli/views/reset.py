"""`reset`: what is lost, a question, and the result."""

import click

from redistopo.cli import theme
from redistopo.cli.commands_here import here
from redistopo.cli.printable import printable
from redistopo.cli.views.handover_cost import cost
from redistopo.cli.views.node_action import show_now
from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.plan_node_reset import NodeReset
from redistopo.model.remedies.of_topology import reset_node
from redistopo.ops.reset import ResetResult


def confirm_reset(found: NodeReset, *, ask: bool) -> None:
    """Show what is lost, and ask.

    Raises UsageError without a terminal, RedistopoError if the user does not agree.
    """
    if found.already:
        return
    if not ask:
        raise UsageError(
            f"a reset of {found.name} needs confirmation on a terminal, or --yes",
            detail="\n".join(found.sentences),
            hint=reset_node(
                found.name,
                f"the place of {found.name} in its cluster",
                options=f"{' --hard' if found.hard else ''} --yes",
            ),
        )
    for one in found.sentences:
        click.echo(f"  {printable(one)}", err=True)
    if not click.confirm(f"Reset {found.name}?", err=True):
        raise RedistopoError("nothing was changed")


def show_reset(result: ResetResult) -> None:
    """Print the result, and how to add the node again."""
    found = result.reset
    if found.already:
        click.echo(found.sentences[0])
    else:
        how = "HARD" if found.hard else "SOFT"
        bold = theme.paint(found.name, bold=True)
        click.echo(f"{bold}: reset ({how}) in {result.seconds:.2f} s; it knows no other node")
    if result.handover:
        click.echo(f"  {cost(result.handover)}")
    show_now(result.now)
    click.echo(here(f"Add it again   {result.next}"))
