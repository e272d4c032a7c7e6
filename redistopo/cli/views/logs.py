"""Merged logs: each line with its node's name in a colour of its own, or as records."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TypedDict

import click

from redistopo.cli import theme
from redistopo.cli.commands_here import here
from redistopo.cli.formats import Format
from redistopo.model.protocol.reply_text import escaped_line
from redistopo.model.protocol.server_log import LogEntry
from redistopo.ops.logs import LogsRequest, LogsResult, logs


class LogRecord(TypedDict):
    """A line of `logs --json`: an entry of a server's log, with its continuation lines. `at` and
    `level` are null if the entry has none."""

    node: str
    at: str | None
    level: str | None
    text: str


_WARNING = "warning"
_AT_ONCE = 500


def print_lines(result: LogsResult) -> None:
    """Print every entry as it is read; without end if new entries are followed."""
    if not result.names:
        click.echo("There is no log yet; waiting for the first one.", err=True)
    _write(_lines(result), result)


def print_records(result: LogsResult, form: Format) -> None:
    """Print a record for each entry; `at` has the local offset, and is null for an entry without
    a time."""
    _write((form.record(_record(one)) for one in result.entries), result)


def _record(one: LogEntry) -> LogRecord:
    at = datetime.fromtimestamp(one.at).astimezone().isoformat(timespec="milliseconds")
    return LogRecord(
        node=one.node, at=at if one.at else None, level=one.level or None, text=one.text
    )


def _write(lines: Iterator[str], result: LogsResult) -> None:
    """Write many lines at once, unless they are followed live."""
    for line in result.missed:
        click.echo(f"Warning: {line}", err=True)
    while some := tuple(islice(lines, 1 if result.live else _AT_ONCE)):
        click.echo("\n".join(some))


def _lines(result: LogsResult) -> Iterator[str]:
    width = max((len(name) for name in result.names), default=len("node1"))
    colors: dict[str, str] = {}
    _give_colors(colors, result.names)
    for one in result.entries:
        _give_colors(colors, [one.node])
        head = theme.paint(escaped_line(one.node).ljust(width), colors[one.node])
        for line in one.text.split("\n"):
            text = escaped_line(line)  # it may contain what scripts and clients sent
            text = theme.paint(text, bold=True) if one.level == _WARNING else text
            yield f"{head} | {text}"


def _give_colors(colors: dict[str, str], names: Iterable[str]) -> None:
    for name in names:
        colors.setdefault(name, theme.LOG_NAMES[len(colors) % len(theme.LOG_NAMES)])


def follow_logs(root: Path) -> None:
    """Print new entries until Ctrl-C; the servers continue."""
    result = logs(LogsRequest(root=root, tail=0, follow=True))
    click.echo(
        f"\nFollowing {len(result.names)} logs; Ctrl-C leaves the servers running.", err=True
    )
    try:
        print_lines(result)
    except KeyboardInterrupt:
        click.echo(here("\nDetached; the servers continue. Stop them: redistopo down"), err=True)
