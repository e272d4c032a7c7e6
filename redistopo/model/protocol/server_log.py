"""Lines of servers' logs: when each was written, and what belongs together.

Formats: server.c and logging.c, serverLogRaw. ``pid:role DD Mon YYYY HH:MM:SS.mmm L text`` in
all versions; since Valkey 8.1 also with log-format logfmt, and log-timestamp-format iso8601 or
milliseconds. A signal handler writes seconds since the epoch instead, and no level.
"""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

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
    """What a server wrote at one moment, a line or more; `at` is in seconds since the epoch,
    0 where no line before it bears a time. `level` is "" where the line tells none."""

    node: str
    at: float
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Head:
    """What a line says of itself at its beginning."""

    at: float
    level: str


def read_head(line: str) -> Head | None:
    """When a line was written, and its level; None for one that goes on with the line before,
    such as the picture at a start.

    Servers write their own local time, which is taken to be ours.
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
    """Many lines are of one second, and the calendar is slow."""
    day, month, year, clock = text.split(" ")
    hour, minute, second = clock.split(":")
    numbers = (int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second))
    return time.mktime((*numbers, 0, 0, -1))


def entries(node: str, lines: Iterable[str]) -> Iterator[LogEntry]:
    """The lines of one log as entries: those without a time stay with the line before.

    Each is at least as late as the one before, for that is how they were written, whatever
    became of the clock; so logs that are merged keep their own order.
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
    """Lines of many logs in the order in which they come, each an entry of its own."""

    def __init__(self) -> None:
        self._last: dict[str, Head] = {}

    def entry(self, node: str, line: str) -> tuple[LogEntry, bool]:
        """The line as an entry, and whether it goes on with the one before of its node."""
        found = read_head(line)
        head = found or self._last.get(node, Head(0.0, ""))
        self._last[node] = head
        return LogEntry(node=node, at=head.at, level=head.level, text=line), found is None
