from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("undo")
@options.project
@options.timeout("10m", "Time limit until every node agrees.")
@options.output
def command(root: Path, timeout: float) -> None:
    """Take back a change that was interrupted.

    Slots that `move-slots` or `rebalance` moved return to the shards that had them, with their
    keys; clients go on in the meantime. `redistopo up` would finish the change instead.
    """
    from redistopo.cli.views.undo import show_undone
    from redistopo.ops.undo import UndoRequest, undo

    request = UndoRequest(root=root, seconds=timeout)
    run_and_show(lambda progress: undo(request, progress), show_undone)
