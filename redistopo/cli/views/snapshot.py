"""`snapshot`, `snapshots`: what was saved, and what is there."""

import click

from redistopo.cli import theme
from redistopo.cli.commands_here import here
from redistopo.cli.counts import counted
from redistopo.cli.printable import printable
from redistopo.cli.table import Table, print_table
from redistopo.ops.snapshot import SnapshotResult, TimerResult
from redistopo.ops.snapshots import ListedSnapshot, SnapshotsResult
from redistopo.snapshot.manifest import Manifest


def show_snapshot(result: SnapshotResult) -> None:
    """Print what was saved, the promise of consistency, and how to restore it."""
    saved = result.snapshot
    bold = theme.paint(saved.name, bold=True)
    click.echo(f"{bold}: {contents(saved)} in {result.seconds:.2f} s")
    for one in saved.shards:
        click.echo(f"  shard {one.number}: {keys(one.total)} from {one.node} ({one.role})")
    click.echo(f"  {promise(saved)}")
    if saved.digest:
        click.echo(f"  digest {saved.digest.digest} of {keys(saved.digest.keys)}")
    if result.removed:
        click.echo(f"  removed: {', '.join(result.removed)}")
    click.echo(here(f"Restore it   redistopo restore {saved.name} --into DIR"))


def contents(saved: Manifest) -> str:
    """Describe the data: ``3 shards, 1,000 keys, 12.3 MB``."""
    shards = counted(len(saved.shards), "shard")
    return f"{shards}, {keys(saved.keys)}, {_size(saved.bytes)}"


def keys(count: int) -> str:
    """Return ``1 key`` or ``1,000 keys``."""
    return "1 key" if count == 1 else f"{count:,} keys"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else "less than 1 MB"


def promise(saved: Manifest) -> str:
    """Describe which moments the data is of."""
    if saved.paused_ms is not None:
        return f"one moment for all shards; writes waited {saved.paused_ms:.0f} ms"
    if len(saved.shards) == 1:
        return "the data of one moment"
    moments = [one.taken for one in saved.shards]
    apart = (max(moments) - min(moments)) * 1000
    return f"each shard at its own moment, {apart:.0f} ms apart; --pause saves one moment"


def show_timer(result: TimerResult) -> None:
    """Print the line."""
    click.echo(printable(result.line))


_COLUMNS = ("name", "created", "shape", "engine", "keys", "bytes", "consistency", "state")


def show_snapshots(result: SnapshotsResult) -> None:
    """Print a line for each snapshot."""
    if not result.snapshots:
        click.echo(here("no snapshots; to save one: redistopo snapshot"))
        return
    rows = [_row(one, verified=result.verified) for one in result.snapshots]
    right = frozenset({"keys", "bytes"})
    print_table(Table(columns=_COLUMNS, rows=rows, right=right, wide="state", named=True))


def _row(one: ListedSnapshot, *, verified: bool) -> tuple[str, ...]:
    saved = one.snapshot
    state = one.fault or ("verified" if verified else "complete")
    if saved is None:
        return (one.name, "-", "-", "-", "-", "-", "-", state)
    return (
        one.name,
        saved.created.partition(".")[0].replace("T", " "),
        saved.shape,
        saved.engine,
        f"{saved.keys:,}",
        f"{saved.bytes:,}",
        saved.consistency,
        state,
    )
