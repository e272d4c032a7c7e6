from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.printable import printable
from redistopo.cli.run_verb import output, run_and_show
from redistopo.errors import UntrustedFolder


@click.command("up")
@options.project
@options.engine
@options.timeout("60s", "Time limit until every node is healthy.")
@click.option("--keep", is_flag=True, help="After a failure, keep started nodes running.")
@click.option("--dry-run", is_flag=True, help="Print the steps and their causes; do nothing.")
@click.option(
    "--trust", "trusted", is_flag=True, help="Let this folder's own program run, now and later."
)
@options.yes("Don't ask what --primary or --rebuild would lose.")
@click.option("--attach", is_flag=True, help="Follow all logs afterwards, until Ctrl-C.")
@options.node_option("--primary", "primary", "Node to use as primary when it cannot be determined.")
@options.node_option(
    "--rebuild", "rebuild", "Node to give a new nodes.conf or AOF manifest, if its own is lost."
)
@options.output
def command(
    root: Path,
    engine: str,
    timeout: float,
    keep: bool,
    dry_run: bool,
    trusted: bool,
    yes: bool,
    attach: bool,
    primary: tuple[str, ...],
    rebuild: tuple[str, ...],
) -> None:
    """Start the topology, form it, and verify that it works.

    Can be repeated: running nodes are left alone, stopped nodes start with their data.
    """
    from redistopo.cli.views.up import show_up, without_idle_steps

    primaries, rebuilt = tuple(dict.fromkeys(primary)), tuple(dict.fromkeys(rebuild))
    if dry_run:
        from redistopo.cli.views.change_cost import show_steps_and_cost
        from redistopo.ops.plan import dry_run as preview

        run_and_show(
            lambda _progress: preview(root, engine, primaries, rebuilt), show_steps_and_cost
        )
        return
    from redistopo.ops.up import UpRequest, UpResult, trust_folder, up
    from redistopo.progress import Progress

    request = UpRequest(
        root=root,
        seconds=timeout,
        engine=engine,
        primary=primaries,
        rebuild=rebuilt,
        keep=keep,
    )

    def work(progress: Progress) -> UpResult:
        if trusted:
            trust_folder(root)
        if primaries or rebuilt:
            from redistopo.cli.views.preview import confirm
            from redistopo.ops.plan import preview_up

            confirm(lambda: preview_up(root, engine, primaries, rebuilt), yes=yes)
        try:
            return up(request, without_idle_steps(progress))
        except UntrustedFolder as error:
            question = f"{printable(error.message)}\nTrust this folder, and run it?"
            if not output().interactive or not click.confirm(question, err=True):
                raise
            trust_folder(root)
            return up(request, without_idle_steps(progress))

    if not attach:
        run_and_show(work, show_up)
        return
    # imported before: once a container's servers run, SIGTERM must not come in between
    from redistopo.cli.attached import stopping_as_init
    from redistopo.cli.views.logs import follow_logs

    result = run_and_show(work, show_up)
    with stopping_as_init(result.plan.layout.root):
        follow_logs(result.plan.layout.root)
