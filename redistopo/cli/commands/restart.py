"""``redistopo restart``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@click.argument("nodes", nargs=-1, metavar="[NODE]...")
@options.project
@click.option("--rolling", is_flag=True, help="One by one, replicas first; without NODE all.")
@click.option("--restore-roles", is_flag=True, help="With --rolling: who led leads again.")
@click.option("--force", is_flag=True, help="Also what nobody stands in for, or can't save.")
@options.timeout("60s", "How long each node may take until all is healthy again.")
@options.output
def restart(
    nodes: tuple[str, ...],
    root: Path,
    rolling: bool,
    restore_roles: bool,
    force: bool,
    timeout: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Restart nodes with today's configuration; data is kept.

    With --rolling each primary hands over before it is restarted, and nothing goes on until
    every node agrees: clients notice moments, and no acknowledged write is lost.
    """
    from redistopo.cli.views.live_change import show_restart
    from redistopo.ops.restart import RestartRequest
    from redistopo.ops.restart import restart as verb

    if restore_roles and not rolling:
        raise click.UsageError("--restore-roles needs --rolling: without it nobody hands over")
    request = RestartRequest(
        root=root,
        words=nodes,
        rolling=rolling,
        restore=restore_roles,
        force=force,
        seconds=timeout,
    )
    manner = OutputOptions(verb="restart", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda progress: verb(request, progress), show_restart)
