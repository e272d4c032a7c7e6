"""``redistopo wait``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show
from redistopo.cli.target_options import sight_request, target_options


@click.command()
@options.project
@click.option(
    "--for",
    "wanted",
    type=click.Choice(["healthy", "started", "replicated"]),
    default="healthy",
    show_default=True,
    help="No check fails; every node answers; or replicas have what was written.",
)
@options.timeout("10s", "How long to wait at most; 0 looks once.")
@target_options
@options.output
def wait(
    root: Path,
    wanted: str,
    timeout: float,
    connect: str,
    user: str,
    cacert: Path | None,
    cert: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Wait until a topology is healthy, whoever starts it: exit code 0, or 3 if it isn't in time.

    It may not run yet. `replicated` ends once every replica has the offset that its primary
    had when the wait began: what was written before is there. Nothing is written.
    """
    from redistopo.cli.views.wait import show_wait
    from redistopo.ops.wait import WaitRequest, WaitResult, Wanted
    from redistopo.ops.wait import wait as verb
    from redistopo.progress import Progress

    def work(progress: Progress) -> WaitResult:
        request = sight_request(root, connect, user, cacert, cert)
        return verb(WaitRequest(sight=request, wanted=Wanted(wanted), seconds=timeout), progress)

    run_and_show(OutputOptions(verb="wait", as_json=as_json, quiet=quiet), work, show_wait)
