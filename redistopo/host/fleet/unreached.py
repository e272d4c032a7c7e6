"""Machines that weren't reached a moment ago: each try takes as long as SSH waits."""

import time
from collections.abc import Iterable
from pathlib import Path

from redistopo.errors import RedistopoError
from redistopo.model.topology.project_paths import Layout

_SECONDS = 8.0

_LATELY: dict[tuple[Path, str], tuple[float, RedistopoError]] = {}
"""Of this process: a verb that asks before it begins looks at the machines twice."""


class Unreached:
    """The machines of one topology that weren't reached, and the errors that said so."""

    def __init__(self, layout: Layout) -> None:
        self._root = layout.root

    def add(self, machine: str, error: RedistopoError) -> None:
        """Note that a machine wasn't reached."""
        _LATELY[self._root, machine] = (time.monotonic(), error)

    def error(self, machine: str) -> RedistopoError:
        """Return why a machine wasn't reached the last time."""
        return _LATELY[self._root, machine][1]

    def refuse(self, machines: Iterable[str]) -> None:
        """Raise the error of the first of these machines that wasn't reached a moment ago."""
        for machine in machines:
            if found := _LATELY.get((self._root, machine)):
                at, error = found
                if time.monotonic() - at < _SECONDS:
                    raise error
