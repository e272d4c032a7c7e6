"""Reads logs and follows them, also when a file is replaced or truncated."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from redistopo.host.files import read_errors
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.safe_open import open_to_read
from redistopo.quick_dataclass import dataclass

_BLOCK = 64 * 1024
_MOST_BACK = 1024 * 1024
_FILES_SECONDS = 0.5


@dataclass(slots=True, kw_only=True)
class Log:
    """One log, read up to `position`, the start of a line; `added` continues from there."""

    name: str
    path: Path
    position: int = 0
    inode: int = 0
    rest: bytes = b""
    file: BinaryIO | None = None

    def history(self, since: Callable[[str], bool] | None = None) -> Iterator[str]:
        """Return the lines that it has now. With `since`, which tells whether a line is too old,
        many older lines are left out, but no newer line."""
        end = self._whole_lines()
        begin = 0 if since is None else self._skip(since, end)
        self.position = end
        return self._lines(begin, end)

    def _lines(self, begin: int, end: int) -> Iterator[str]:
        if begin >= end:
            return
        with read_errors(self.path), open_to_read(self.path) as file:
            file.seek(begin)
            while begin < end and (line := file.readline()):
                begin += len(line)
                yield _text(line)

    def _whole_lines(self) -> int:
        """The end of the last complete line."""
        try:
            with open_to_read(self.path) as file:
                self.inode = os.fstat(file.fileno()).st_ino
                end = file.seek(0, os.SEEK_END)
                while end:
                    begin = max(0, end - _BLOCK)
                    file.seek(begin)
                    if (at := file.read(end - begin).rfind(b"\n")) >= 0:
                        return begin + at + 1
                    end = begin
        except (FileNotFoundError, NotADirectoryError):
            pass
        return 0

    def _skip(self, old: Callable[[str], bool], end: int) -> int:
        """The start of a line before which all lines are too old; searched from the end, since a
        log may have gigabytes."""
        step = _MOST_BACK
        while step < end:
            with read_errors(self.path), open_to_read(self.path) as file:
                file.seek(end - step)
                file.readline()
                begin = file.tell()
                if any(old(_text(file.readline())) for _ in range(100)):
                    return begin
            step *= 4
        return 0

    def added(self) -> list[str]:
        """Return the complete lines added since the last call; if the file was replaced, the rest
        of the old file and the new one; if it was truncated, everything in it."""
        if lines := self._read():
            return lines
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return []
        if self.file is None or found.st_ino != self.inode:
            self._open()
        elif found.st_size < self.position:
            self.position, self.rest = 0, b""
        return self._read()

    def _open(self) -> None:
        before = self.inode
        self.close()
        self.file = open_to_read(self.path)
        self.inode = os.fstat(self.file.fileno()).st_ino
        if self.inode != before:
            self.position, self.rest = 0, b""

    def _read(self) -> list[str]:
        if self.file is None:
            return []
        self.file.seek(self.position)
        *whole, self.rest = (self.rest + self.file.read()).split(b"\n")
        self.position = self.file.tell()
        return [_text(line) for line in whole]

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()
            self.file = None


def _text(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode(errors="replace")


def follow(known: Iterable[Log], files: Callable[[], Mapping[str, Path]]) -> Iterator[
    tuple[str, str]
]:  # fmt: skip
    """Yield (name, line) for each line that is added from now on, without end.

    `files` returns the logs; it is called repeatedly, since a node may be started later: then
    its whole log is new.
    """
    logs = {log.name: log for log in known}
    until_next = Deadline(0)

    def added() -> list[tuple[str, str]] | None:
        nonlocal until_next
        if until_next.over:
            until_next = Deadline(_FILES_SECONDS)
            for name, path in files().items():
                logs.setdefault(name, Log(name=name, path=path))
        return [(log.name, line) for log in logs.values() for line in _some(log)] or None

    try:
        while True:
            yield from wait_for(added, Deadline(math.inf), lambda: "", pause=0.05)
    finally:
        for log in logs.values():
            log.close()


def _some(log: Log) -> list[str]:
    with suppress(OSError):
        return log.added()
    return []
