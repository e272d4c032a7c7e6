from pathlib import Path

import click

from redistopo.cli import options


@click.command("upgrade")
@click.option(
    "--engine", default="", metavar="ENGINE", help='"valkey 9", or a path.  [topology file]'
)
@options.project
@click.option("--check", is_flag=True, help="Print what it would do, and the way back.")
@click.option("--no-snapshot", is_flag=True, help="Don't save the data before.")
@click.option("--force", is_flag=True, help="Also nodes without a replica, which are away.")
@options.dry_run
@options.yes("Don't ask.")
@options.timeout("60s", "Time limit for each node, until all are healthy again.")
@options.output
def command(
    engine: str,
    root: Path,
    check: bool,
    no_snapshot: bool,
    force: bool,
    dry_run: bool,
    yes: bool,
    timeout: float,
) -> None:
    """Move a running topology to another engine.

    Nodes are restarted, never two of a shard at once: replicas first, each primary after a planned
    failover, Sentinels last. A snapshot is saved before. The engine is written to redistopo.toml
    first, so that an interrupted upgrade goes on with the next one. An engine that can't read the
    data, or would start empty, is refused.
    """
    from redistopo.cli.run_verb import run_and_show
    from redistopo.cli.views import preview
    from redistopo.cli.views.upgrade import show_check, show_upgrade
    from redistopo.ops.upgrade import UpgradeRequest, check_upgrade, preview_upgrade, upgrade

    request = UpgradeRequest(
        root=root, engine=engine, force=force, snapshot=not no_snapshot, seconds=timeout
    )
    if check:
        run_and_show(lambda _progress: check_upgrade(request), show_check)
        return
    preview.run_previewed(
        lambda: preview_upgrade(request),
        lambda progress: upgrade(request, progress),
        show_upgrade,
        dry=dry_run,
        yes=yes,
    )
