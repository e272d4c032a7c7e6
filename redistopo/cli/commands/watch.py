from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.connect_options import TargetOptions, master_option, target_options
from redistopo.cli.printable import cleaned
from redistopo.cli.run_verb import run_and_stream


@click.command("watch")
@options.project
@options.duration("--interval", "interval", "Time between two snapshots.", default="1s")
@master_option
@target_options
def command(root: Path, interval: float, target: TargetOptions) -> None:
    """Show roles, slots, load, lag and links live; q quits.

    Nodes whose role changed are highlighted for ten seconds. In a pipe it prints lines instead:
    each node as it is, then events, with a summary after each change.
    """
    from redistopo.cli.screen import has_cursor_control, open_screen
    from redistopo.ops.watch import WatchRequest, watch

    def work() -> None:
        request = WatchRequest(sight=target.request(root), interval=max(0.1, interval))
        if not has_cursor_control():
            from redistopo.cli.views.events import ChangePrinter

            watch(request, ChangePrinter().progress)
            return
        from redistopo.cli.views.watch import frame

        with open_screen() as screen:
            watch(
                request,
                lambda scene, _round: screen.draw(
                    lambda width, height: frame(cleaned(scene), width, height)
                ),
                screen.wait,
            )

    run_and_stream(work)
