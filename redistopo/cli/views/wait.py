"""`wait`: one line, or what is still missing."""

import click

from redistopo.cli import theme
from redistopo.cli.commands_here import typed
from redistopo.cli.counts import counted
from redistopo.model.state.wait_condition import WaitCondition
from redistopo.ops.wait import WaitResult

_MOST = 12


def show_wait(result: WaitResult) -> None:
    """Print the state reached and when; or what was missing in the last snapshot, with hints."""
    about = (
        f"{result.name}: {result.shape.value} of {counted(result.nodes, 'node')}"
        if result.shape
        else ""
    )
    if not result.missing:
        click.echo(
            theme.verdict(result.wanted.value.capitalize(), good=True)
            + f"  {about}, after {result.seconds:.2f} s"
        )
        if result.wanted is WaitCondition.REPLICATED:
            for name, offset in result.offsets.items():
                click.echo(f"  {name} had offset {offset}; each of its replicas has it")
        return
    click.echo(
        theme.verdict(f"Not {result.wanted.value}", good=False)
        + f"  {about or result.name}, after {result.seconds:g} s"
    )
    roots = [one for one in result.missing if not one.because_of]
    shown = roots[:_MOST]
    for one, after in zip(shown, (*shown[1:], None), strict=True):
        check = f"{one.check} " if one.check else ""
        click.echo(theme.paint(f"missing {check}{one.subject}: ", theme.ERROR) + one.evidence)
        if one.hint and (after is None or after.hint != one.hint):
            click.echo(f"     Next: {typed(one.hint)}")
    if more := len(result.missing) - len(shown):
        follow = "" if len(roots) > _MOST else ", which follow from this"
        click.echo(f"... and {more} more{follow}: see --json")
