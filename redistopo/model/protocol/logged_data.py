"""What a server's log says about the data that the server kept on disk; pure."""

import re
from collections.abc import Iterable

from redistopo.model.protocol.aof import part_number
from redistopo.quick_dataclass import dataclass

_PART = re.compile(
    r"(?:(?:Creating|Opening) AOF incr file|DB loaded from (?:base|incr) file|"
    r"Successfully renamed the temporary AOF \w+ file \S+ into) (\S+\.(?:aof|rdb))\b"
)
"""Messages with the name of a part that the append-only log has (aof.c)."""

_SNAPSHOT = re.compile(
    r"DB saved on disk|DB loaded from disk|Background saving terminated with success"
)
"""Messages after which a snapshot is there (rdb.c, server.c)."""

_ENGINE = re.compile(r"\b(Redis|Valkey) version=(\d+\.\d+\.\d+), bits=")
"""The message with which a server starts (server.c, main)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedData:
    """The data files of a server according to its log since its last start: `part` is its latest
    part of the append-only log, "" if it names none; `ready` is whether it accepted connections,
    which a server with an append-only file does only when the file is there; `snapshot` is whether
    it saved or loaded one. `engine` is the server that accepted connections, as ``redis 7.0.15``,
    "" if the log doesn't name it."""

    part: str = ""
    ready: bool = False
    snapshot: bool = False
    engine: str = ""


def logged_data(log: str) -> LoggedData:
    """Read a server's log."""
    parts = _PART.findall(log)
    ready = "Ready to accept connections" in log
    engine = _ENGINE.search(log) if ready else None
    return LoggedData(
        part=max(parts, key=part_number, default=""),
        ready=ready,
        snapshot=_SNAPSHOT.search(log) is not None,
        engine=f"{engine[1].lower()} {engine[2]}" if engine else "",
    )


def part_later_than(logged: LoggedData, names: Iterable[str]) -> str:
    """Return the part of the append-only log that a server has named, if all of these parts are
    earlier ones; "" if not. The numbers of parts only grow."""
    last = max(map(part_number, names), default=0)
    return logged.part if part_number(logged.part) > last else ""
