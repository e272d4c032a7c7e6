"""`import`: what was copied, and what changed in the meantime."""

import click

from redistopo.cli import theme
from redistopo.cli.views.snapshot import keys
from redistopo.importing.switch_source import ImportSwitch
from redistopo.ops.import_keys import ImportResult


def show_import(result: ImportResult) -> None:
    """Print the passes, and whether the topology has all that the source had."""
    first = result.passes[0]
    bold = theme.paint(keys(result.keys), bold=True)
    rate = f" ({result.keys / first.seconds:,.0f} keys/s)" if first.seconds > 1 else ""
    click.echo(f"{bold} from {result.source} in {result.seconds:.2f} s{rate}")
    for number, one in enumerate(result.passes[1:], start=2):
        name = "written in the meantime" if result.followed else f"pass {number}"
        click.echo(f"  {name}: {one.changed:,} changed, {one.deleted:,} deleted")
    if result.digest:
        click.echo(f"  digest {result.digest.digest}, the same on both sides")
    if result.switch:
        _show_switch(result.switch, result.source)
    if not result.quiet:
        click.echo("The source changed until the end: stop its writers, then run it again,")
        click.echo("with --replace --until-quiet, which ends a second after the last write.")


def _show_switch(done: ImportSwitch, source: str) -> None:
    last = f"{done.changed:,} changed, {done.deleted:,} deleted"
    click.echo(f"  writes paused: {last} after {done.milliseconds:.0f} ms")
    if done.keys is not None:
        click.echo(f"  {keys(done.keys)} without a TTL on both sides")
    else:
        click.echo(
            "  not compared: the topology had keys before, and keeps those that the source hasn't"
        )
    bold = theme.paint(f"Writes to {source} wait for {done.hold:g} s", bold=True)
    click.echo(f"{bold}, and go on then: let clients use this topology now (redistopo connect).")
