"""Server logs: the time of each line, and the lines that belong to one entry.

Formats: server.c and logging.c, serverLogRaw. ``pid:role DD Mon YYYY HH:MM:SS.mmm L text`` in
all versions; since Valkey 8.1 also with log-format logfmt, and log-timestamp-format iso8601 or
milliseconds. A signal handler writes seconds since the epoch instead, and no level.
"""

import re
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache

from redistopo.quick_dataclass import dataclass

_TIME = (
    r"(?P<day>\d{2}) (?P<month>[A-Z][a-z]{2}) (?P<year>\d{4}) (?P<clock>\d{2}:\d{2}:\d{2})"
    r"\.(?P<ms>\d{3})"
    r"|(?P<iso>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}(?:[+-]\d{2}:?\d{2}|Z)?)"
    r"|(?P<epoch>\d{13})"
)
_LEGACY = re.compile(rf"(?P<pid>\d+):(?P<role>[A-Z]) (?:{_TIME}) (?P<level>[.\-*#]) ")
_LOGFMT = re.compile(rf"pid=(?P<pid>\d+) role=(?P<role>[A-Za-z/]+) timestamp=\"(?:{_TIME})\" "
                     r"level=(?P<level>[a-z]+) ")  # fmt: skip
_HANDLER = re.compile(r"(?P<pid>\d+):signal-handler \((?P<seconds>\d{9,11})\) ")

_LEVELS = {".": "debug", "-": "verbose", "*": "notice", "#": "warning"}
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, start=1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One log entry, of one or more lines; `at` is in seconds since the epoch, 0 if no line up
    to it has a time. `level` is "" if the line has none."""

    node: str
    at: float
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Head:
    """The time and level at the beginning of a line."""

    at: float
    level: str


def read_head(line: str) -> Head | None:
    """Parse a line's time and level; None for a continuation line, such as the startup banner.

    Servers write their local time, which is assumed to be ours.
    """
    found = _LEGACY.match(line) or _LOGFMT.match(line)
    if found is None:
        handler = _HANDLER.match(line)
        return Head(at=float(handler["seconds"]), level="warning") if handler else None
    try:
        at = _moment(found)
    except (ValueError, KeyError, OverflowError):
        return None
    return Head(at=at, level=_LEVELS.get(found["level"], found["level"]))


def _moment(found: re.Match[str]) -> float:
    if found["epoch"]:
        return int(found["epoch"]) / 1000
    if found["iso"]:
        return datetime.fromisoformat(found["iso"]).timestamp()
    second = _second(f"{found['day']} {found['month']} {found['year']} {found['clock']}")
    return second + int(found["ms"]) / 1000


@lru_cache(maxsize=64)
def _second(text: str) -> float:
    """Cached, since many lines are of the same second and calendar arithmetic is slow."""
    day, month, year, clock = text.split(" ")
    hour, minute, second = clock.split(":")
    numbers = (int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second))
    return time.mktime((*numbers, 0, 0, -1))


def entries(node: str, lines: Iterable[str]) -> Iterator[LogEntry]:
    """Group the lines of one log into entries: lines without a time continue the line before.

    Times never decrease, even if the clock was set back, so that merged logs keep the order
    of each.
    """
    head, text = Head(0.0, ""), list[str]()
    for line in lines:
        found = read_head(line)
        if found is None:
            text.append(line)
            continue
        if text:
            yield LogEntry(node=node, at=head.at, level=head.level, text="\n".join(text))
        head, text = Head(max(found.at, head.at), found.level), [line]
    if text:
        yield LogEntry(node=node, at=head.at, level=head.level, text="\n".join(text))


class Arrivals:
    """Turns lines of several logs into entries as they arrive."""

    def __init__(self) -> None:
        self._last: dict[str, Head] = {}

    def entry(self, node: str, line: str) -> tuple[LogEntry, bool]:
        """Return the line as an entry, and whether it continues its node's previous line."""
        found = read_head(line)
        head = found or self._last.get(node, Head(0.0, ""))
        self._last[node] = head
        return LogEntry(node=node, at=head.at, level=head.level, text=line), found is None
