"""Following files as they grow."""

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from io import SEEK_END
from pathlib import Path
from typing import TextIO

from redistopo.world.waiting import Deadline, wait_for


def follow(files: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """(name, line) for each line that is added from now on, without end."""
    with ExitStack() as stack:
        opened: dict[str, TextIO] = {}
        for name, path in files.items():
            handle = stack.enter_context(path.open(encoding="utf-8", errors="replace"))
            handle.seek(0, SEEK_END)
            opened[name] = handle

        def added() -> list[tuple[str, str]] | None:
            return [
                (name, line.rstrip("\n")) for name, handle in opened.items() for line in handle
            ] or None

        while True:
            yield from wait_for(added, Deadline(math.inf), lambda: "", pause=0.05)
