"""`wait`: one line, or what was still missing."""

import click

from redistopo.ops.wait import WaitResult, Wanted

_MOST = 12


def show_wait(result: WaitResult) -> None:
    """What was reached and when; or what stood in the way at the last look, with hints."""
    about = f"{result.name}: {result.shape.value} of {_nodes(result)}" if result.shape else ""
    if not result.missing:
        click.echo(
            click.style(result.wanted.value.capitalize(), fg="green", bold=True)
            + f"  {about}, after {result.seconds:.2f} s"
        )
        if result.wanted is Wanted.REPLICATED:
            for name, offset in result.offsets.items():
                click.echo(f"  {name} had offset {offset}; each of its replicas has it")
        return
    click.echo(
        click.style(f"Not {result.wanted.value}", fg="red", bold=True)
        + f"  {about or result.name}, after {result.seconds:g} s"
    )
    shown = result.missing[:_MOST]
    for one, after in zip(shown, (*shown[1:], None), strict=True):
        check = f"{one.check} " if one.check else ""
        click.echo(click.style(f"missing {check}{one.subject}: ", fg="red") + one.evidence)
        if one.hint and (after is None or after.hint != one.hint):
            click.echo(f"     Next: {one.hint}")
    if len(result.missing) > _MOST:
        click.echo(f"... and {len(result.missing) - _MOST} more: --json has all")


def _nodes(result: WaitResult) -> str:
    return "1 node" if result.nodes == 1 else f"{result.nodes} nodes"
