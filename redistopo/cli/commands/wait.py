from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.connect_options import TargetOptions, master_option, target_options
from redistopo.cli.run_verb import run_and_show
from redistopo.model.state.wait_condition import WaitCondition


@click.command("wait")
@options.project
@click.option(
    "--for",
    "wanted",
    type=click.Choice([one.value for one in WaitCondition]),
    default="healthy",
    show_default=True,
    help="Every node replies; replicas have all data; or no check fails.",
)
@options.timeout("10s", "Time limit; 0 checks once.")
@master_option
@target_options
@options.output
def command(root: Path, wanted: str, timeout: float, target: TargetOptions) -> None:
    """Wait until the topology is healthy.

    Exit code 0, or 3 if it isn't in time. Another process may start it in the meantime.
    `replicated` waits until every replica has the offset that its primary had at the beginning:
    earlier writes are on all replicas. Nothing is written.
    """
    from redistopo.cli.views.wait import show_wait
    from redistopo.ops.wait import WaitRequest, wait

    condition = WaitCondition(wanted)
    run_and_show(
        lambda progress: wait(
            WaitRequest(sight=target.request(root), wanted=condition, seconds=timeout), progress
        ),
        show_wait,
    )
