import math
from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.connect_options import TargetOptions, master_option, target_options
from redistopo.cli.run_verb import output, run_and_stream


@click.command("events")
@options.project
@options.duration("--for", "length", "Stop after this time.  [default: at Ctrl-C]")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after N events.")
@master_option
@target_options
@options.formats
def command(root: Path, length: float | None, count: int | None, target: TargetOptions) -> None:
    """Print role changes and faults as they happen.

    The first lines show each node as it is now. The topology may start, stop and start again in
    the meantime. Times are local; with --json, each line is an object, and times have an offset.
    docs/events.md lists the kinds of events.
    """
    from redistopo.cli.views.events import print_lines, print_records
    from redistopo.ops.events import EventsRequest, events

    form = output().format

    def work() -> None:
        request = EventsRequest(
            sight=target.request(root),
            seconds=math.inf if length is None else length,
            count=count or 0,
        )
        events(request, print_records(form) if form else print_lines)

    run_and_stream(work)
