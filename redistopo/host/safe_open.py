"""Opens files: below a state folder without following a link, and never one that blocks.

A folder that was cloned, or that another user prepared, may have a link to a file elsewhere, a
FIFO or a device in the place of any file. So every component below the project's folder is opened
relative to the one before it, and only regular files are read and appended to.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from redistopo.model.topology.project_paths import STATE_FOLDER

MOST_BYTES = 32 * 1024 * 1024
"""The size limit of a file that is read as a whole; a nodes.conf of 1000 nodes has 150 kB."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class UnusableFile(OSError):
    """A link, a FIFO, a device or a file that is too large, in the place of a file of ours."""


@contextmanager
def parent_of(path: Path, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """Open the folder that contains `path`; yields its descriptor, and the name in it.

    Below a project's folder no component may be a link. With `make`, missing folders are created
    with mode 0700. Raises OSError.
    """
    base, below = _split(path)
    if ".." in below:
        raise UnusableFile(errno.EINVAL, "it leads out of its folder", str(path))
    handle = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in below[:-1]:
            # in this order: after a Ctrl-C in between, no descriptor is closed twice
            outer, handle = handle, _inner(handle, name, path, make=make)
            os.close(outer)
        yield handle, below[-1]
    finally:
        os.close(handle)


def _split(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The folder whose own path may have links, as the user chose it, and the parts below it."""
    parts = path.parts
    if STATE_FOLDER in parts[1:]:
        at = len(parts) - 1 - parts[::-1].index(STATE_FOLDER)
        return path.parents[len(parts) - at - 1], parts[at:]
    return path.parent, (path.name or ".",)


def _inner(handle: int, name: str, path: Path, *, make: bool = False) -> int:
    """Open a folder in another one, without following a link."""
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=handle)
    try:
        return os.open(name, _FOLDER, dir_fd=handle)
    except OSError as error:
        raise _link_error(handle, name, path) or error from None


def _link_error(handle: int, name: str, path: Path) -> UnusableFile | None:
    """The error if that is a link, for which systems report different ones."""
    with suppress(OSError):
        if stat.S_ISLNK(os.lstat(name, dir_fd=handle).st_mode):
            return UnusableFile(errno.ELOOP, f"{name} is a symbolic link", str(path))
    return None


def open_to_read(path: Path, *, follow: bool = True) -> BinaryIO:
    """Open a regular file; below a project's folder neither it nor a folder may be a link, and
    without `follow` it may not be one anywhere.

    Raises UnusableFile for a link there, and anywhere for a FIFO, a socket or a device, whose
    reading may block or never end; other OSErrors as they are.
    """
    ours = STATE_FOLDER in path.parts[1:] or not follow
    with parent_of(path) as (folder, name):
        seen = os.stat(name, dir_fd=folder, follow_symlinks=not ours)
        if stat.S_ISLNK(seen.st_mode):
            raise UnusableFile(errno.ELOOP, "it is a symbolic link", str(path))
        _require_regular(seen, path)  # before it is opened: opening has side effects on devices
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        handle = os.open(name, flags | (os.O_NOFOLLOW if ours else 0), dir_fd=folder)
    try:
        _require_regular(os.fstat(handle), path)  # it may have been replaced in between
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a regular file as a whole; raises UnusableFile if it has more than `most` bytes."""
    with open_to_read(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise UnusableFile(errno.EFBIG, f"it has more than {most >> 20} MB", str(path))
    return data


def _require_regular(seen: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(seen.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(seen.st_mode):
        raise UnusableFile(errno.EINVAL, "it is a FIFO, a socket or a device", str(path))


def open_to_write(path: Path, flags: int) -> int:
    """Open a file of ours with mode 0600, and create it if it is missing; returns the descriptor.
    `flags` are those besides: os.O_APPEND, os.O_TRUNC, os.O_RDWR. Raises OSError."""
    always = os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with parent_of(path) as (folder, name):
        try:
            handle = os.open(name, always | flags & ~os.O_TRUNC, 0o600, dir_fd=folder)
        except OSError as error:
            raise _link_error(folder, name, path) or error from None
    try:
        _require_regular(os.fstat(handle), path)
        if flags & os.O_TRUNC:
            os.ftruncate(handle, 0)
        os.set_blocking(handle, True)
    except BaseException:
        os.close(handle)
        raise
    return handle


@contextmanager
def replacing(path: Path, mode: int = 0o600) -> Iterator[int]:
    """Create a new file under a random name; yields its descriptor. At the end it replaces the
    file at `path`, or is removed after an exception. `mode` is restricted by the umask."""
    with parent_of(path) as (folder, name):
        fresh = f".{name}.{secrets.randbelow(10**15)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(fresh, flags, mode, dir_fd=folder)
        try:
            try:
                yield handle
            finally:
                os.close(handle)
            os.replace(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:  # Ctrl-C too: no partial file remains
            with suppress(OSError):  # report the first error
                os.unlink(fresh, dir_fd=folder)
            raise


def open_folder(path: Path, *, make: bool = False) -> int:
    """Open a folder that is no link, see `parent_of`; returns the descriptor."""
    with parent_of(path, make=make) as (folder, name):
        return _inner(folder, name, path, make=make)


def links_below(folder: Path) -> Iterator[Path]:
    """Yield the symbolic links in a folder and all folders in it."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                yield folder / entry.name
            elif entry.is_dir(follow_symlinks=False):
                yield from links_below(folder / entry.name)
