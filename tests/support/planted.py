"""A folder as somebody else might hand it over: what is planted in it must lead nowhere."""

import os
from collections.abc import Callable
from pathlib import Path

from support.project import Done, Project

NESTED = "[" * 200_000
"""JSON that is nested more deeply than Python's parser goes."""


def pipe(path: Path) -> None:
    """A FIFO that nobody writes to is there."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def endless(path: Path) -> None:
    """A link to a device without an end is there."""
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def nested(path: Path) -> None:
    """A file whose JSON is nested too deeply is there."""
    path.unlink(missing_ok=True)
    path.write_text(f'{{"id": {NESTED}')


PLANTS: dict[str, Callable[[Path], None]] = {"fifo": pipe, "device": endless, "nested": nested}


def looked_at(project: Project, *words: str) -> Done:
    """The command ended in time, with a code of its own and without a traceback."""
    done = project.run(*words, seconds=20)
    assert done.code in range(5), (words, done)
    assert "Traceback" not in done.err, (words, done.err)
    return done
