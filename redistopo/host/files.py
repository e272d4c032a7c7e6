"""Reads and writes files that only their owner can read, with clear errors."""

import errno
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote
from typing import Any

from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.host import safe_open
from redistopo.model.topology.project_paths import STATE_FOLDER

NO_SPACE = os.strerror(errno.ENOSPC)
"""The text for a full disk, also in servers' logs and replies."""

_ALMOST_FULL_BYTES = 64 * 1024

FREE = "the disk is full: free some space, then run the same command again"

_REMEDY = {
    errno.ENOSPC: FREE,
    errno.EDQUOT: "your disk quota is used up: free some space, then run the same command again",
    errno.EACCES: "you may not write there: use another folder (--dir), or correct its permissions",
    errno.EPERM: "you may not write there: use another folder (--dir), or correct its permissions",
}


@contextmanager
def write_errors(what: Path) -> Iterator[None]:
    """Convert an OSError to a MissingPrerequisite that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        raise MissingPrerequisite(
            f"can't write {what}",
            detail=error.strerror or str(error),
            hint=_remedy(error.errno or 0, what),
        ) from error


def _remedy(number: int, what: Path) -> str:
    if number == errno.EROFS:
        again = f"make it writable: mount -o remount,rw {quote(str(_mounted(what.absolute())))}"
        return f"that file system is read-only; {again}; or use another folder (--dir)"
    return _REMEDY.get(number, "check that folder, then run the command again")


def _mounted(path: Path) -> Path:
    """Where the read-only file system of a path is mounted. A folder that is mounted on itself
    (mount --bind) is one, too: what is above it can be written to."""

    def ends(one: Path) -> bool:
        return one == one.parent or one.is_mount() or not _is_read_only(one.parent)

    return next(one for one in (path, *path.parents) if ends(one))


def _is_read_only(folder: Path) -> bool:
    with suppress(OSError):
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    return True  # it could not be made


@contextmanager
def read_errors(what: Path) -> Iterator[None]:
    """Convert an OSError to a MissingPrerequisite that names the file."""
    try:
        yield
    except OSError as error:
        raise MissingPrerequisite(
            f"can't read {what}",
            detail=error.strerror or str(error),
            hint="check that it exists and that you may read it",
        ) from error


def absolute(path: Path) -> Path:
    """Return the absolute path with ``~`` expanded; raises UsageError if that fails."""
    try:
        return path.expanduser().absolute()
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"{path} can't be resolved",
            detail=str(error),
            hint="is its home folder, or the current one, still there?",
        ) from error


def private_folder(path: Path) -> None:
    """Create a folder and its missing parents with mode 0700, whatever the umask.

    Raises MissingPrerequisite if it can't be created, or is a link.
    """
    with write_errors(path):
        outside = (one for one in path.parents if STATE_FOLDER not in one.parts)
        for missing in reversed([one for one in outside if not one.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        handle = safe_open.open_folder(path, make=True)
        try:
            os.fchmod(handle, 0o700)
        finally:
            os.close(handle)


def restrict(path: Path, mode: int) -> None:
    """Set the mode of a file or folder, but not of the target of a link."""
    with write_errors(path), safe_open.parent_of(path) as (folder, name):
        if not stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode):
            os.chmod(name, mode, dir_fd=folder)


def is_private_folder(folder: Path) -> bool:
    """Return whether it is a real folder of this user that no other user can write to."""
    try:
        seen = folder.lstat()
    except OSError:
        return False
    others = seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid() and not others


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600, atomically (write, then rename)."""
    with write_errors(path), safe_open.replacing(path) as handle:
        os.fchmod(handle, 0o600)
        _write(handle, text)


def write_private_named(path: Path, text: str) -> None:
    """Write a file with mode 0600 atomically in a folder that the user named, with its missing
    folders; a link there is replaced, and not followed."""
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, text)


def changed_files(wanted: Mapping[Path, str]) -> list[Path]:
    """Return the files that are there already with another text."""
    return [path for path, text in wanted.items() if path.exists() and read_exactly(path) != text]


def write_named(path: Path, text: str) -> None:
    """Write a report to the path that the user named, which may be a link, a pipe or a device."""
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_public(path: Path, text: str) -> None:
    """Write a file of a project atomically, with its missing folders and the user's own umask; a
    link there is replaced, and not followed."""
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with safe_open.replacing(path, 0o666) as handle:
            _write(handle, text)


def _write(handle: int, text: str) -> None:
    with open(handle, "w", encoding="utf-8", newline="", closefd=False) as out:
        out.write(text)


def append_text(path: Path, text: str) -> None:
    """Append to a file of another program."""
    with write_errors(path), path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)


def remove(path: Path, *, missing_ok: bool = False) -> None:
    """Remove a file, a folder with its content, or a symbolic link but not its target."""
    with write_errors(path):
        try:
            with safe_open.parent_of(path) as (folder, name):
                if stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                    shutil.rmtree(name, dir_fd=folder)
                else:
                    os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            if not missing_ok:
                raise


def refuse_links(folder: Path) -> None:
    """Raise MissingPrerequisite if there is a symbolic link in a folder, or in one in it."""
    if path := next(safe_open.links_below(folder), None):
        raise MissingPrerequisite(
            f"{path} is a symbolic link",
            detail=f"its target is {path.readlink()}",
            hint="redistopo creates no links in its own folder: remove it",
        )


def read_exactly(path: Path) -> str:
    """Read a file with its own line endings; raises UsageError if it isn't UTF-8."""
    with read_errors(path):
        data = safe_open.read_bytes(path)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8", detail=str(error)) from error


def rewrite(path: Path, text: str, before: str) -> None:
    """Replace the text of a user's file atomically, keeping its mode, owner and links to it.

    Raises UsageError if its text is no longer `before`.
    """
    real = path.resolve()
    with write_errors(path):
        was = real.stat()
        with safe_open.replacing(real) as handle:
            _write(handle, text)
            with suppress(PermissionError):
                os.fchown(handle, was.st_uid, was.st_gid)
            os.fchmod(handle, stat.S_IMODE(was.st_mode))
            if read_exactly(real) != before:
                raise UsageError(
                    f"{path.name} was changed by another program in the meantime",
                    hint="nothing was written: run the same command again",
                )


def read_text(path: Path) -> str | None:
    """Read a file; None if there is none. Bytes that aren't UTF-8 are replaced."""
    with read_errors(path):
        try:
            return safe_open.read_bytes(path).decode(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object from a file; None if there is no file, or it is damaged: it has no
    object, is nested too deeply, is too large, or is no regular file."""
    with read_errors(path):
        try:
            found = json.loads(safe_open.read_bytes(path))
        except (FileNotFoundError, NotADirectoryError, safe_open.UnusableFile):
            return None
        except (ValueError, RecursionError):
            return None
    return found if isinstance(found, dict) else None


def certainly_missing(path: Path) -> bool:
    """Return whether nothing exists there for certain; without access, it may exist."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


def disk_full(path: Path) -> bool:
    """Return whether the disk is almost full: then a log may lack the reason of an exit."""
    with suppress(OSError):
        found = os.statvfs(path)
        return found.f_bavail * found.f_frsize < _ALMOST_FULL_BYTES
    return False


def sync_seconds(folder: Path) -> float:
    """Measure one synced write (fsync) to a temporary file in a folder; 0 if none is possible."""
    with suppress(OSError), tempfile.TemporaryFile(dir=folder) as file:
        began = time.monotonic()
        file.write(b"x")
        file.flush()
        os.fsync(file.fileno())
        return time.monotonic() - began
    return 0.0


def last_part(path: Path, most: int) -> str:
    """Read the last `most` bytes of a file as text, from the start of a line; the error if it
    can't be read, and "" for no file."""
    try:
        with safe_open.open_to_read(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            text = file.read(most).decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return f"can't be read: {error.strerror}\n"
    if size <= most:
        return text
    # part of a line could contain part of a secret, which redaction would not find
    return f"... {size - most} bytes before this are left out\n" + text.partition("\n")[2]


def listing(folder: Path) -> str:
    """List every file below a folder: mode, size in bytes, seconds since the epoch, path."""
    lines = []
    for path in sorted(folder.rglob("*")):
        with suppress(OSError):
            seen = path.lstat()
            size, when = f"{seen.st_size:>12}", f"{seen.st_mtime:.0f}"
            lines.append(f"{seen.st_mode:o} {size} {when} {path.relative_to(folder)}")
    return "\n".join(lines) + "\n"
