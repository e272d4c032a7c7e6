"""Reading logs: what is in them, and then what is added, whatever becomes of the files."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from redistopo.host.files import read_errors
from redistopo.host.polling import Deadline, wait_for

_BLOCK = 64 * 1024
_MOST_BACK = 1024 * 1024
_FILES_SECONDS = 0.5


@dataclass(slots=True, kw_only=True)
class Log:
    """One log, read up to `position`, a line's beginning; what is added is read from there."""

    name: str
    path: Path
    position: int = 0
    inode: int = 0
    rest: bytes = b""
    file: BinaryIO | None = None

    def history(self, since: Callable[[str], bool] | None = None) -> Iterator[str]:
        """The lines that are in it by now. With `since`, which says of a line whether it is
        too old, many of those before may be left out, but none after."""
        end = self._whole_lines()
        begin = 0 if since is None else self._skip(since, end)
        self.position = end
        return self._lines(begin, end)

    def _lines(self, begin: int, end: int) -> Iterator[str]:
        if begin >= end:
            return
        with read_errors(self.path), self.path.open("rb") as file:
            file.seek(begin)
            while begin < end and (line := file.readline()):
                begin += len(line)
                yield _text(line)

    def _whole_lines(self) -> int:
        """Where the last whole line ends."""
        try:
            with self.path.open("rb") as file:
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
        """A line's beginning before which all is too old: looked for from the end, for a log
        may have gigabytes."""
        step = _MOST_BACK
        while step < end:
            with read_errors(self.path), self.path.open("rb") as file:
                file.seek(end - step)
                file.readline()
                begin = file.tell()
                if any(old(_text(file.readline())) for _ in range(100)):
                    return begin
            step *= 4
        return 0

    def added(self) -> list[str]:
        """The whole lines that were added since; where another file stands in its place, the
        end of the old one and all of the new; of one that was cut short, all that is in it."""
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
        self.file = self.path.open("rb")
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
        """No file is open any more."""
        if self.file is not None:
            self.file.close()
            self.file = None


def _text(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode(errors="replace")


def follow(known: Iterable[Log], files: Callable[[], Mapping[str, Path]]) -> Iterator[
    tuple[str, str]
]:  # fmt: skip
    """(name, line) for each line that is added from now on, without end.

    `files` names the logs; it is asked again and again, for a node may be started later, and
    then all of its log is new.
    """
    logs = {log.name: log for log in known}
    asked = Deadline(0)

    def added() -> list[tuple[str, str]] | None:
        nonlocal asked
        if asked.over:
            asked = Deadline(_FILES_SECONDS)
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
