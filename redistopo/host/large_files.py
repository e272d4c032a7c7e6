"""Data files of any size: checksums, copies and links, and the room that is left for them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from redistopo.host.files import write_errors
from redistopo.host.safe_open import open_to_read

_CHUNK = 1 << 20


@contextmanager
def plain_file(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file that is no link; raises OSError."""
    with open_to_read(path, follow=False) as file:
        yield file


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, as sha256sum prints it; raises OSError."""
    made = sha256()
    with plain_file(path) as file:
        while chunk := file.read(_CHUNK):
            made.update(chunk)
    return made.hexdigest()


def copy_file(path: Path, to: Path) -> None:
    """Copy a file to a new one, readable by its owner only; nothing of it is left on failure.

    Raises MissingPrerequisite if it can't be written, OSError if the source can't be read.
    """
    with plain_file(path) as source, new_file(to) as out:
        shutil.copyfileobj(source, out, _CHUNK)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Write a new file, readable by its owner only, and synced at the end; nothing of it is left on
    failure. Raises MissingPrerequisite if it can't be written."""
    with write_errors(path):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(path, flags, 0o600)
        try:
            with os.fdopen(handle, "wb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
        except BaseException:  # Ctrl-C too
            with suppress(OSError):
                path.unlink()
            raise


def link_or_copy(path: Path, to: Path) -> None:
    """Give a file a second name, which servers replace but never write to; on another file system,
    copy it."""
    try:
        os.link(path, to, follow_symlinks=False)
        to.chmod(0o600)
    except OSError:
        copy_file(path, to)


def free_bytes(folder: Path) -> int:
    """Return the room that is left for this user where a folder is, or will be."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    found = os.statvfs(there)
    return found.f_bavail * found.f_frsize
