from pathlib import Path

import click

from redistopo.cli import options


@click.command("rebalance")
@options.project
@click.option(
    "--by",
    type=click.Choice(["slots", "keys", "bytes"]),
    default="slots",
    show_default=True,
    help="What is spread evenly.",
)
@click.option(
    "--weight",
    "weights",
    multiple=True,
    metavar="SELECTOR=W",
    help="Weight of a shard, as shard:2=0.5; 1 for others, 0 moves all away.",
)
@click.option(
    "--threshold",
    default="2%",
    show_default=True,
    metavar="PERCENT",
    help="How much a shard may be off its share.",
)
@options.allow_blocking
@options.dry_run
@options.timeout("10m", "Time limit for the moves, and until all nodes agree.")
@options.output
def command(
    root: Path,
    by: str,
    weights: tuple[str, ...],
    threshold: str,
    allow_blocking: bool,
    dry_run: bool,
    timeout: float,
) -> None:
    """Spread the slots over the shards, with their keys.

    Moves as few slots as possible, and keeps them contiguous; a shard without slots gets its
    share. Clients go on in the meantime. After Ctrl-C, or if the command is killed, `redistopo up`
    finishes it and `redistopo undo` takes it back.
    """
    from redistopo.cli.views.slot_moves import run_moves
    from redistopo.ops.rebalance import Balance, RebalanceRequest, rebalance_of

    request = RebalanceRequest(
        root=root,
        by=Balance(by),
        weights=weights,
        threshold=options.percent(threshold),
        allow_blocking=allow_blocking,
        seconds=timeout,
    )
    run_moves(lambda: rebalance_of(request), dry=dry_run)
