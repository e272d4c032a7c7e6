"""The part of a server's log since its last start."""

from contextlib import suppress
from pathlib import Path

from redistopo.host.host import Files
from redistopo.host.safe_open import open_to_read

LOG_MARK = "# redistopo starts this server"
"""Written to the log before each start, so that older errors are ignored."""


def log_since_start(files: Files, path: Path) -> str:
    """Return a log since its server's last start, at most 1 MiB."""
    return files.tail(path, 1024 * 1024).rpartition(LOG_MARK)[2]


def log_tail(files: Files, path: Path, lines: int = 10) -> str:
    """Return the last lines of a log since its server's last start, without secrets."""
    from redistopo.model.protocol.redact import Redactor

    text = files.tail(path, 16384).rpartition(LOG_MARK)[2]
    last = "\n".join(line for line in text.splitlines()[-lines:] if line.strip())
    # a server prints an invalid line of its configuration
    return Redactor(()).lines(last)


def size_of(path: Path) -> int:
    """Return the size of a file in bytes; 0 if there is none."""
    with suppress(OSError):
        return path.stat().st_size
    return 0


def written_since(path: Path, size: int) -> str:
    """Return what was added to a log since it had that size, at most 4 MiB."""
    with suppress(OSError), open_to_read(path) as log:
        log.seek(size)
        return log.read(4 * 1024 * 1024).decode(errors="replace")
    return ""
