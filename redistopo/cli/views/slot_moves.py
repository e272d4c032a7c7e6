"""`move-slots`, `rebalance`: what moves, how, and how long it takes."""

from collections.abc import Callable, Iterable

import click

from redistopo.cli.counts import counted
from redistopo.cli.printable import printable
from redistopo.cli.run_verb import run_and_show
from redistopo.cli.table import Table, print_table
from redistopo.model.planning.change_cost import ShardMove
from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.ops.move_slots import MoveRequest, SlotMoves, move, preview_move
from redistopo.progress import Progress


def run_moves(request: Callable[[], MoveRequest], *, dry: bool) -> None:
    """Run a verb that moves slots; with `dry`, print only what it would do."""

    def work(progress: Progress) -> SlotMoves:
        asked = request()
        return preview_move(asked, progress) if dry else move(asked, progress)

    run_and_show(work, show_moves)


def show_moves(result: SlotMoves) -> None:
    """Print the moves, the method, and the time."""
    if not result.moves:
        click.echo("Nothing to move: every slot is where it belongs.")
        return
    show_shard_moves(result.moves, result.measured)
    for one in result.big:
        click.echo(f"Big key, moved alone; servers may not reply for: {printable(one)}")
    slots = counted(sum(one.count for one in result.moves), "slot")
    if result.done:
        click.echo(f"Moved {slots} by {result.method} in {result.seconds:.2f} s; all nodes agree.")
    else:
        click.echo(f"Would move {slots} by {result.method}, in about {result.seconds:.1f} s.")
        click.echo("Nothing was changed.")


def show_shard_moves(moves: Iterable[ShardMove], measured: str) -> None:
    """Print what moves, and how its bytes were determined."""
    rows = [
        (
            one.source,
            one.target,
            format_ranges_briefly(one.slots),
            f"{one.count:,}",
            f"{one.keys:,}",
            f"{one.bytes / (1 << 20):,.1f} MB",
        )
        for one in moves
    ]
    columns = ("from", "to", "slots", "count", "keys", "bytes")
    print_table(Table(columns=columns, rows=rows, right=frozenset({"count", "keys", "bytes"})))
    if measured:
        click.echo(f"Bytes: {measured}.")
