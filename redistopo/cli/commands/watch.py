"""``redistopo watch``"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redistopo.cli import options
from redistopo.cli.connect_options import TargetOptions, target_options
from redistopo.cli.run_verb import run_and_stream

if TYPE_CHECKING:
    from redistopo.ops.watch import WatchRequest


@click.command()
@options.project
@options.duration("--interval", "interval", "Time between two snapshots.", default="1s")
@target_options
def watch(root: Path, interval: float, target: TargetOptions) -> None:
    """Show roles, slots, load, lag and links live; q quits.

    Nodes whose role changed are highlighted for ten seconds. In a pipe it prints lines instead:
    each node as it is, then events, with a summary after each change.
    """
    from redistopo.cli.screen import drawable
    from redistopo.ops.watch import WatchRequest

    def work() -> None:
        request = WatchRequest(sight=target.request(root), interval=max(0.1, interval))
        (_draw if drawable() else _print)(request)

    run_and_stream(work)


def _draw(request: "WatchRequest") -> None:
    from redistopo.cli.screen import opened
    from redistopo.cli.views.watch import frame
    from redistopo.ops.watch import watch as verb

    with opened() as screen:
        verb(
            request,
            lambda scene, _round: screen.draw(lambda width, height: frame(scene, width, height)),
            screen.rest,
        )


def _print(request: "WatchRequest") -> None:
    from redistopo.cli.views.events import ChangePrinter
    from redistopo.ops.watch import watch as verb

    verb(request, ChangePrinter().progress)
