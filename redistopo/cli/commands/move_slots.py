from pathlib import Path

import click

from redistopo.cli import options


@click.command("move-slots")
@click.argument("slots", metavar="SLOTS")
@options.project
@options.node_option("--to", "to", "A node of the shard that gets the slots.", multiple=False)
@options.allow_blocking
@options.dry_run
@options.timeout("10m", "Time limit for the move, and until all nodes agree.")
@options.output
def command(
    slots: str, root: Path, to: str, allow_blocking: bool, dry_run: bool, timeout: float
) -> None:
    """Move slots with their keys to a shard.

    SLOTS is a list of slots and ranges: 0-100,500. Clients go on in the meantime. After Ctrl-C,
    or if the command is killed, `redistopo up` finishes the move and `redistopo undo` takes it
    back.
    """
    from redistopo.cli.usage_hints import ExactForm
    from redistopo.cli.views.slot_moves import run_moves
    from redistopo.ops.move_slots import MoveSlotsRequest, move_slots_of

    if not to:
        raise ExactForm("--to is missing", f"redistopo move-slots {slots} --to shard:1")
    request = MoveSlotsRequest(
        root=root, slots=slots, to=to, allow_blocking=allow_blocking, seconds=timeout
    )
    run_moves(lambda: move_slots_of(request), dry=dry_run)
