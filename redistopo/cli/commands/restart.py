from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.usage_hints import ExactForm


@click.command("restart")
@options.nodes
@options.project
@click.option("--rolling", is_flag=True, help="A few at a time, replicas first; all without NODE.")
@click.option("--restore-roles", is_flag=True, help="With --rolling: restore the primaries.")
@click.option("--force", is_flag=True, help="Also nodes without a replica, or that can't save.")
@options.dry_run
@options.yes("Don't ask.")
@options.timeout("60s", "Time limit for each node, until all are healthy again.")
@options.output
def command(
    nodes: tuple[str, ...],
    root: Path,
    rolling: bool,
    restore_roles: bool,
    force: bool,
    dry_run: bool,
    yes: bool,
    timeout: float,
) -> None:
    """Restart nodes with the current configuration.

    Data is kept. With --rolling, never two nodes of a shard restart at once, a replica is promoted
    before its primary is restarted, and the next ones follow when every node agrees: clients see
    short pauses, and no acknowledged write is lost. If the service loses something, a terminal is
    asked first.
    """
    from redistopo.cli.views import preview
    from redistopo.cli.views.live_change import show_restart
    from redistopo.ops.restart import RestartRequest, preview_restart, restart

    if restore_roles and not rolling:
        raise ExactForm(
            "--restore-roles needs --rolling: otherwise no replica is promoted",
            "redistopo restart --rolling --restore-roles",
        )
    request = RestartRequest(
        root=root,
        words=nodes,
        rolling=rolling,
        restore=restore_roles,
        force=force,
        seconds=timeout,
    )
    preview.run_previewed(
        lambda: preview_restart(request),
        lambda progress: restart(request, progress),
        show_restart,
        dry=dry_run,
        yes=yes,
    )
