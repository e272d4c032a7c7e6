"""The ends of servers' logs, as far as they are about the last start."""

from contextlib import suppress
from pathlib import Path

from redistopo.host.host import Files

LOG_MARK = "# redistopo starts this server"
"""Stands in a log before each start, so that no older trouble is taken for today's."""


def log_since_start(files: Files, path: Path) -> str:
    """A log's lines since its server's last start, a megabyte at most; "" where there are none."""
    return files.tail(path, 1024 * 1024).rpartition(LOG_MARK)[2]


def log_tail(files: Files, path: Path, lines: int = 10) -> str:
    """The last lines of a log since its server's last start, without secrets; "" for none."""
    from redistopo.model.protocol.redact import Redactor

    text = files.tail(path, 16384).rpartition(LOG_MARK)[2]
    last = "\n".join(line for line in text.splitlines()[-lines:] if line.strip())
    # a server that doesn't understand a line of its configuration prints that line
    return Redactor(()).lines(last)


def size_of(path: Path) -> int:
    """How many bytes a file has; 0 for none."""
    with suppress(OSError):
        return path.stat().st_size
    return 0


def written_since(path: Path, size: int) -> str:
    """What a log got since it had that size, a few megabytes at most; "" where it is gone."""
    with suppress(OSError), path.open("rb") as log:
        log.seek(size)
        return log.read(4 * 1024 * 1024).decode(errors="replace")
    return ""
