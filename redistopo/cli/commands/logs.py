"""``redistopo logs``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_stream


@click.command()
@options.nodes
@options.project
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written, until Ctrl-C.")
@click.option(
    "--since",
    callback=options.seconds,
    metavar="DURATION",
    help="Only the last 30s, 5m, 2h ...",
)
@click.option("--grep", default="", metavar="REGEX", help="Only entries in which it is found.")
@click.option(
    "--tail",
    type=click.IntRange(min=0),
    metavar="N",
    help="Only the last N entries.  [default: 10 with -f, else all]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def logs(
    nodes: tuple[str, ...],
    root: Path,
    follow: bool,
    since: float | None,
    grep: str,
    tail: int | None,
    as_json: bool,
) -> None:
    """Show what the servers wrote, all nodes in the order of time.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; several
    narrow each other. Works with servers down, too. Secrets are left out.
    """
    from redistopo.cli.views.logs import show_json, show_logs
    from redistopo.ops.logs import LogsRequest
    from redistopo.ops.logs import logs as verb

    request = LogsRequest(root=root, words=nodes, since=since, tail=tail, grep=grep, follow=follow)
    show = show_json if as_json else show_logs
    run_and_stream(OutputOptions(verb="logs", as_json=as_json), lambda: show(verb(request)))
