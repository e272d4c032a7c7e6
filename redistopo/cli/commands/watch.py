"""``redistopo watch``"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_stream
from redistopo.cli.target_options import sight_request, target_options

if TYPE_CHECKING:
    from redistopo.ops.watch import WatchRequest


@click.command()
@options.project
@options.duration("--interval", "interval", "Time between two looks.", default="1s")
@target_options
def watch(
    root: Path,
    interval: float,
    connect: str,
    user: str,
    cacert: Path | None,
    cert: Path | None,
) -> None:
    """Show roles, slots, load, lag and links live, and what happened last; q quits.

    Nodes whose role changed stand out for ten seconds. In a pipe it prints lines instead:
    what each node is, then what happens, with a summary after each change.
    """
    from redistopo.cli.screen import drawable
    from redistopo.ops.watch import WatchRequest

    def work() -> None:
        request = WatchRequest(
            sight=sight_request(root, connect, user, cacert, cert), interval=max(0.1, interval)
        )
        (_drawn if drawable() else _told)(request)

    run_and_stream(OutputOptions(verb="watch"), work)


def _drawn(request: "WatchRequest") -> None:
    from redistopo.cli.screen import opened
    from redistopo.cli.views.watch import frame
    from redistopo.ops.watch import watch as verb

    with opened() as screen:
        verb(
            request,
            lambda scene, _round: screen.draw(lambda width, height: frame(scene, width, height)),
            screen.rest,
        )


def _told(request: "WatchRequest") -> None:
    from redistopo.cli.views.events import Teller
    from redistopo.ops.watch import watch as verb

    verb(request, Teller().progress)
