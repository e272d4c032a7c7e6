from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import output, run_and_stream


@click.command("logs")
@options.nodes
@options.project
@click.option("--follow", "-f", is_flag=True, help="Continue with new entries, until Ctrl-C.")
@options.duration("--since", "since", "Only entries of the last 30s, 5m, 2h ...")
@click.option("--grep", default="", metavar="REGEX", help="Only entries that match.")
@click.option(
    "--tail",
    "-n",
    type=click.IntRange(min=0),
    metavar="N",
    help="Only the last N entries.  [default: 10 with -f, else all]",
)
@options.formats
def command(
    nodes: tuple[str, ...],
    root: Path,
    follow: bool,
    since: float | None,
    grep: str,
    tail: int | None,
) -> None:
    """Print the logs of all nodes, merged by time.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; different
    kinds narrow the selection. Works with stopped nodes, too. Secrets are hidden. Times are local;
    with --json, each line is an object, and its time has an offset.
    """
    from redistopo.cli.views.logs import print_lines, print_records
    from redistopo.ops.logs import LogsRequest, logs

    request = LogsRequest(root=root, words=nodes, since=since, tail=tail, grep=grep, follow=follow)
    form = output().format
    run_and_stream(
        lambda: print_records(logs(request), form) if form else print_lines(logs(request))
    )
