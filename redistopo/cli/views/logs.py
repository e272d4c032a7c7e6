"""Logs of many nodes: each line with its node's name in its own colour, or as JSON."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click

from redistopo.model.protocol.reply_text import escaped_line
from redistopo.model.protocol.server_log import LogEntry
from redistopo.ops.logs import LogsRequest, LogsResult, logs

_COLORS = ("cyan", "green", "yellow", "magenta", "blue", "bright_red")
_WARNING = "warning"
_AT_ONCE = 500


def show_logs(result: LogsResult) -> None:
    """Every entry, as it is read; without end where new ones are followed."""
    if not result.names:
        click.echo("There is no log yet; waiting for the first one.", err=True)
    _write(_lines(result), result)


def show_json(result: LogsResult) -> None:
    """One JSON object a line; `at` is UTC, null where the server told no time."""
    _write(map(_json, result.entries), result)


def _json(one: LogEntry) -> str:
    at = datetime.fromtimestamp(one.at, UTC).isoformat(timespec="milliseconds")
    told = {"node": one.node, "at": at if one.at else None, "level": one.level or None}
    return json.dumps({**told, "text": one.text}, ensure_ascii=False)


def _write(lines: Iterator[str], result: LogsResult) -> None:
    """Many lines at once, where nobody waits for each of them."""
    while some := tuple(islice(lines, 1 if result.live else _AT_ONCE)):
        click.echo("\n".join(some))


def _lines(result: LogsResult) -> Iterator[str]:
    width = max((len(name) for name in result.names), default=len("node1"))
    colors: dict[str, str] = {}
    _give_colors(colors, result.names)
    for one in result.entries:
        _give_colors(colors, [one.node])
        head = click.style(one.node.ljust(width), fg=colors[one.node])
        for line in one.text.split("\n"):
            said = escaped_line(line)  # scripts and clients may have had their word in it
            told = click.style(said, bold=True) if one.level == _WARNING else said
            yield f"{head} | {told}"


def _give_colors(colors: dict[str, str], names: Iterable[str]) -> None:
    for name in names:
        colors.setdefault(name, _COLORS[len(colors) % len(_COLORS)])


def follow_logs(root: Path) -> None:
    """Lines until Ctrl-C; the servers go on without us."""
    result = logs(LogsRequest(root=root, tail=0, follow=True))
    click.echo(
        f"\nFollowing {len(result.names)} logs; Ctrl-C leaves the servers running.", err=True
    )
    try:
        show_logs(result)
    except KeyboardInterrupt:
        click.echo("\nDetached; the servers go on. Stop them: redistopo down", err=True)
