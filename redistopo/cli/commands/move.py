from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("move")
@options.project_elsewhere
@click.option(
    "--port", type=int, default=0, metavar="PORT", help="New port of the first data node."
)
@click.option("--host", default="", metavar="ADDRESS", help="New address that every node binds.")
@click.option(
    "--dir",
    "to",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="DIR",
    help="New folder, on the same file system.",
)
@click.option("--restart", is_flag=True, help="Stop all running nodes for it, then start them.")
@options.timeout("60s", "Time limit.")
@options.output
def command(
    root: Path, port: int, host: str, to: Path | None, restart: bool, timeout: float
) -> None:
    """Move the topology to other ports, another address or folder.

    The nodes keep their names, ids and data. Running nodes move one after the other, each primary
    after a planned failover; stopped ones have the new addresses from the next `up` on. --dir moves
    redistopo.toml, the data and the snapshots of a stopped topology; other files stay.
    """
    from redistopo.cli.views.move import show_move
    from redistopo.ops.move import MoveRequest, move

    request = MoveRequest(root=root, port=port, host=host, to=to, restart=restart, seconds=timeout)
    run_and_show(lambda progress: move(request, progress), show_move)
