"""``redistopo events``"""

import math
from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_stream
from redistopo.cli.target_options import sight_request, target_options


@click.command()
@options.project
@options.duration("--for", "length", "Stop after so long.  [default: at Ctrl-C]")
@click.option(
    "--count", type=click.IntRange(min=1), metavar="N", help="Stop after so many occurrences."
)
@target_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def events(
    root: Path,
    length: float | None,
    count: int | None,
    connect: str,
    user: str,
    cacert: Path | None,
    cert: Path | None,
    as_json: bool,
) -> None:
    """Tell role changes and faults as they happen, a line each.

    The first lines say what each node is now. The topology may start, stop and start again
    meanwhile. docs/events.md lists the kinds.
    """
    from redistopo.cli.views.events import tell_json, tell_lines
    from redistopo.ops.events import EventsRequest
    from redistopo.ops.events import events as verb

    def work() -> None:
        request = EventsRequest(
            sight=sight_request(root, connect, user, cacert, cert),
            seconds=math.inf if length is None else length,
            count=count or 0,
        )
        verb(request, tell_json if as_json else tell_lines)

    run_and_stream(OutputOptions(verb="events", as_json=as_json), work)
