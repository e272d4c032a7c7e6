"""`import`: what was copied, and what changed in the meantime."""

import click

from redistopo.cli import theme
from redistopo.cli.views.snapshot import keys
from redistopo.ops.import_keys import ImportResult


def show_import(result: ImportResult) -> None:
    """Print the passes, and whether the topology has all that the source had."""
    first = result.passes[0]
    bold = theme.paint(keys(result.keys), bold=True)
    rate = f" ({result.keys / first.seconds:,.0f} keys/s)" if first.seconds > 1 else ""
    click.echo(f"{bold} from {result.source} in {result.seconds:.2f} s{rate}")
    for number, one in enumerate(result.passes[1:], start=2):
        click.echo(f"  pass {number}: {one.changed:,} changed, {one.deleted:,} deleted")
    if result.digest:
        click.echo(f"  digest {result.digest.digest}, the same on both sides")
    if not result.quiet:
        click.echo("The source changed until the end: stop its writers, then run it again,")
        click.echo("with --replace --until-quiet, which ends a second after the last write.")
