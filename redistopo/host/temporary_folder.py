"""A temporary folder of this process; what a killed one left is removed by the next use."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redistopo.errors import MissingPrerequisite
from redistopo.host import safe_open
from redistopo.host.files import is_private_folder, remove, write_errors

_OWNER = "owner"
"""A file that the owner has locked as long as it lives (flock): the system unlocks it."""


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Create a folder of this name and something behind it, and remove it at the end of the block.

    Raises MissingPrerequisite if it can't be created.
    """
    base = Path(tempfile.gettempdir())
    _sweep(base, prefix)
    with write_errors(base):
        made = tempfile.TemporaryDirectory(prefix=prefix, dir=base)
    with made as name:
        folder = Path(name)
        handle = safe_open.open_to_write(folder / f"{_OWNER}.new", os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.rename(folder / f"{_OWNER}.new", folder / _OWNER)  # noqa: PTH104
            yield folder
        finally:
            os.close(handle)


def _sweep(base: Path, prefix: str) -> None:
    """Remove the folders of this user whose owner has ended."""
    for folder in base.glob(f"{prefix}*"):
        if is_private_folder(folder) and _has_ended(folder):
            with suppress(MissingPrerequisite):  # a program that is just ending writes to it
                remove(folder, missing_ok=True)


def _has_ended(folder: Path) -> bool:
    """Whether the owner has ended for certain; a folder without its file isn't known to be ours."""
    try:
        with safe_open.open_to_read(folder / _OWNER, follow=False) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
