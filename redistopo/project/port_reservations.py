"""Folders that `init` gave ports to: one `init` of a user at a time chooses, and all know it.

A reservation is a small file that names a project folder. Which ports it means is what the
folder's topology file says now, so it lapses with that file, and can't go stale.
"""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redistopo.errors import MissingPrerequisite, TimedOut
from redistopo.host.files import private_folder, read_text, write_errors, write_private
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.topology.project_paths import Layout
from redistopo.project.lock import try_lock
from redistopo.project.registry import state_home

_PATIENCE = 6.0
"""Seconds; who holds the lock needs some milliseconds, unless it was stopped."""


@contextmanager
def choosing_ports() -> Iterator[str]:
    """No other `init` of this user chooses ports meanwhile; yields why that isn't sure, or "".

    The system frees the lock if we die.
    """
    folder = _writable()
    if folder is None:
        yield "neither your home nor the folder for temporary files can be written"
        return
    try:
        with write_errors(folder):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(folder / "lock", flags, 0o600)
    except MissingPrerequisite as error:
        yield f"{error.message}: {error.detail}"
        return
    try:
        yield _await(handle)
    finally:
        os.close(handle)


def _await(handle: int) -> str:
    try:
        wait_for(lambda: try_lock(handle) or None, Deadline(_PATIENCE), lambda: "", pause=0.01)
    except TimedOut:
        return f"another redistopo has been choosing ports for {_PATIENCE:g} s"
    except OSError as error:  # a file system without locks
        return f"your state folder can't be locked: {error.strerror}"
    return ""


def reserve_ports(root: Path) -> None:
    """The folder's topology file speaks for its ports, for as long as it is there.

    Reservations of files that are gone are removed. Where nothing can be written nothing
    is reserved, which `choosing` has told.
    """
    folder = _writable()
    if folder is None:
        return
    for path, other in _found(folder):
        with suppress(OSError):  # what can't be looked at may still be there
            if not Layout(other).topology.exists():
                path.unlink()
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
    with suppress(MissingPrerequisite):
        write_private(folder / f"{name}.json", json.dumps({"root": str(root)}) + "\n")


def reserved() -> tuple[Path, ...]:
    """Every project folder with a reservation, wherever that could be written."""
    return tuple(sorted({root for folder in _folders() for _, root in _found(folder)}))


def _found(folder: Path) -> Iterator[tuple[Path, Path]]:
    for path in sorted(folder.glob("*.json")):
        with suppress(MissingPrerequisite, ValueError, KeyError, TypeError):
            root = str(json.loads(read_text(path) or "")["root"])
            if "\0" not in root and Path(root).is_absolute():
                yield path, Path(root)


def _folders() -> Iterator[Path]:
    """Those that exist and that nobody else could have filled."""
    for folder in _candidates():
        if _private(folder):
            yield folder


def _candidates() -> Iterator[Path]:
    home = state_home()
    if home is not None:
        yield home / "redistopo" / "reserved"
    yield Path(tempfile.gettempdir()) / f"redistopo-{os.geteuid()}"


def _writable() -> Path | None:
    """Where this user's reservations are kept: the state folder, else one for temporary files."""
    for folder in _candidates():
        with suppress(MissingPrerequisite, OSError):
            if not folder.is_symlink() and (_private(folder) or not folder.exists()):
                private_folder(folder)
                if os.access(folder, os.W_OK | os.X_OK) and _private(folder):
                    return folder
    return None


def _private(folder: Path) -> bool:
    """Whether it is a real folder of this user's, and nobody else may write there."""
    try:
        seen = folder.lstat()
    except OSError:
        return False
    others = seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid() and not others
