"""``redistopo up``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.project
@options.engine
@options.timeout("60s", "How long it may take until every node is healthy.")
@click.option("--keep", is_flag=True, help="On failure, leave running what was started.")
@click.option("--dry-run", is_flag=True, help="Print the steps and their causes; do nothing.")
@click.option("--attach", is_flag=True, help="Follow all logs afterwards, until Ctrl-C.")
@click.option("--primary", multiple=True, metavar="NODE", help="Who leads, where nobody can tell.")
@click.option(
    "--rebuild",
    multiple=True,
    metavar="NODE",
    help="A new nodes.conf for a node whose own was refused.",
)
@options.output
def up(
    root: Path,
    engine: str,
    timeout: float,
    keep: bool,
    dry_run: bool,
    attach: bool,
    primary: tuple[str, ...],
    rebuild: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    """Start the topology, form it, and verify that it works.

    Nothing is done twice: what runs is left alone, what stopped comes back with its data.
    """
    manner = OutputOptions(verb="up", as_json=as_json, quiet=quiet)
    primaries, rebuilt = tuple(dict.fromkeys(primary)), tuple(dict.fromkeys(rebuild))
    if dry_run:
        from redistopo.cli.views.up import show_dry_run
        from redistopo.ops.plan import dry_run as preview

        run_and_show(manner, lambda _t: preview(root, engine, primaries, rebuilt), show_dry_run)
        return
    from redistopo.cli.views.up import show_up
    from redistopo.ops.up import UpRequest
    from redistopo.ops.up import up as verb

    request = UpRequest(
        root=root,
        seconds=timeout,
        engine=engine,
        primary=primaries,
        rebuild=rebuilt,
        keep=keep,
    )
    result = run_and_show(manner, lambda progress: verb(request, progress), show_up)
    if attach:
        from redistopo.cli.views.logs import follow_logs

        follow_logs(result.plan.layout.root)
