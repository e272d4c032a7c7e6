"""`restore`, `clone`: the topology that runs with the data."""

import click

from redistopo.cli import theme
from redistopo.cli.commands_here import at
from redistopo.cli.counts import counted
from redistopo.cli.views.snapshot import keys
from redistopo.ops.start_with_data import RestoreResult


def show_restore(result: RestoreResult) -> None:
    """Print what runs now, where, and how its data was compared."""
    bold = theme.paint(str(result.root), bold=True)
    shards = counted(result.shards, "shard")
    click.echo(f"{bold}: {shards}, {keys(result.keys)} in {result.seconds:.2f} s")
    first, last = min(result.ports), max(result.ports)
    click.echo(f"  ports {first}-{last}" if first != last else f"  port {first}")
    how = {"files": "the servers loaded the files", "keys": "each key was copied to its shard"}
    click.echo(f"  {how[result.way]}")
    if result.digest:
        click.echo(f"  digest {result.digest.digest}, the same as in the snapshot")
    else:
        click.echo("  the number of keys was compared; --verify compares a digest of the data")
    click.echo(at(result.root, "Connect   redistopo connect"))
