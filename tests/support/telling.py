"""A command that prints lines as things happen, read while it runs."""

import json
import signal
import threading
from typing import Any, Self

from support.project import Project
from support.waiting import until


class Telling:
    """`lines` is what it printed so far; at the end of the block it is interrupted."""

    def __init__(self, project: Project, *words: str) -> None:
        self.process = project.begin(*words)
        self.lines: list[str] = []
        self.said = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def told(self) -> list[dict[str, Any]]:
        """The lines as JSON objects."""
        return [json.loads(line) for line in list(self.lines)]

    def await_told(self, seconds: float = 30, **wanted: str) -> dict[str, Any]:
        """The first line with these values, once it is there."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = [one for one in self.told if wanted.items() <= one.items()]
            return bool(found)

        until(there, seconds, f"{wanted} in {self.lines}")
        return found[0]

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """The exit code, after that signal where it hadn't ended by itself."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(20)
        self._reader.join(20)
        if self.process.stdout and not self.process.stdout.closed:
            self.process.stdout.close()
        if self.process.stderr and not self.process.stderr.closed:
            self.said = self.process.stderr.read()
            self.process.stderr.close()
        return code
