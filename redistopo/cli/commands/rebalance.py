from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


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
    callback=options.percent,
    default="2%",
    show_default=True,
    metavar="PERCENT",
    help="How much a shard may be off its share.",
)
@click.option("--roles", is_flag=True, help="Spread primaries over hosts, not slots.")
@options.allow_blocking
@options.dry_run
@options.timeout("10m", "Time limit for the moves, and until all nodes agree.")
@options.output
def command(
    root: Path,
    by: str,
    weights: tuple[str, ...],
    threshold: float,
    roles: bool,
    allow_blocking: bool,
    dry_run: bool,
    timeout: float,
) -> None:
    """Spread the slots over the shards, with their keys.

    Moves as few slots as possible, and keeps them contiguous; a shard without slots gets its
    share. Clients go on in the meantime. After Ctrl-C, or if the command is killed, `redistopo up`
    finishes it and `redistopo undo` takes it back. --roles promotes replicas instead, until
    primaries are spread evenly over the hosts; on one machine, until the planned ones are primary.
    """
    if roles:
        _roles(root, timeout, dry=dry_run, others=bool(weights))
        return
    from redistopo.cli.views.slot_moves import run_moves
    from redistopo.ops.rebalance import Balance, RebalanceRequest, rebalance_of

    request = RebalanceRequest(
        root=root,
        by=Balance(by),
        weights=weights,
        threshold=threshold,
        allow_blocking=allow_blocking,
        seconds=timeout,
    )
    run_moves(lambda: rebalance_of(request), dry=dry_run)


def _roles(root: Path, seconds: float, *, dry: bool, others: bool) -> None:
    from redistopo.cli.views import preview
    from redistopo.cli.views.roles import show_roles
    from redistopo.ops.rebalance_roles import preview_roles, rebalance_roles

    if others:
        raise click.UsageError("--roles moves no slots, so --weight doesn't apply.")
    if dry:
        preview.dry_run(lambda: preview_roles(root, seconds))
        return
    run_and_show(lambda progress: rebalance_roles(root, seconds, progress), show_roles)
