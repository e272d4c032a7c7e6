"""Port reservations of `init`: one `init` of a user at a time chooses ports for a folder.

A reservation is a small file that names a project folder. The reserved ports are those in the
folder's current topology file, so it expires with that file and can't become stale.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redistopo.errors import MissingPrerequisite, TimedOut
from redistopo.host.files import is_private_folder, private_folder, read_json, remove, write_private
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.topology.project_paths import Layout
from redistopo.project.lock import open_lock, try_lock
from redistopo.project.registry import state_home

_TIMEOUT_SECONDS = 6.0
"""The holder of the lock needs some milliseconds, unless it is paused."""


@contextmanager
def choosing_ports() -> Iterator[str]:
    """Lock out other `init` commands of this user; yields why that failed, or "".

    The system releases the lock if this process dies.
    """
    folder = _writable()
    if folder is None:
        yield "neither your home folder nor the temporary folder is writable"
        return
    try:
        handle = open_lock(folder / "lock")
    except MissingPrerequisite as error:
        yield f"{error.message}: {error.detail}"
        return
    try:
        yield _await(handle)
    finally:
        os.close(handle)


def _await(handle: int) -> str:
    try:
        wait_for(
            lambda: try_lock(handle) or None, Deadline(_TIMEOUT_SECONDS), lambda: "", pause=0.01
        )
    except TimedOut:
        return f"another redistopo has been choosing ports for {_TIMEOUT_SECONDS:g} s"
    except OSError as error:  # a file system without locks
        return f"your state folder can't be locked: {error.strerror}"
    return ""


def reserve_ports(root: Path) -> None:
    """Reserve the ports in the folder's topology file for as long as that exists.

    Reservations of missing files are removed. If nothing can be written, nothing is reserved,
    which `choosing_ports` has reported.
    """
    folder = _writable()
    if folder is None:
        return
    for path, other in _found(folder):
        # a file that can't be inspected may still exist
        with suppress(OSError, MissingPrerequisite):
            if not Layout(other).topology.exists():
                remove(path)
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
    with suppress(MissingPrerequisite):
        write_private(folder / f"{name}.json", json.dumps({"root": str(root)}) + "\n")


def reserved() -> tuple[Path, ...]:
    """Return every project folder with a reservation."""
    return tuple(sorted({root for folder in _folders() for _, root in _found(folder)}))


def _found(folder: Path) -> Iterator[tuple[Path, Path]]:
    for path in sorted(folder.glob("*.json")):
        with suppress(MissingPrerequisite, ValueError, KeyError, TypeError):
            root = str((read_json(path) or {})["root"])
            if "\0" not in root and Path(root).is_absolute():
                yield path, Path(root)


def _folders() -> Iterator[Path]:
    """Folders that exist and that no other user could have written to."""
    for folder in _candidates():
        if is_private_folder(folder):
            yield folder


def _candidates() -> Iterator[Path]:
    home = state_home()
    if home is not None:
        yield home / "redistopo" / "reserved"
    yield Path(tempfile.gettempdir()) / f"redistopo-{os.geteuid()}"


def _writable() -> Path | None:
    """The folder of this user's reservations: in the state folder, or the temporary folder."""
    for folder in _candidates():
        with suppress(MissingPrerequisite, OSError):
            if not folder.is_symlink() and (is_private_folder(folder) or not folder.exists()):
                private_folder(folder)
                if os.access(folder, os.W_OK | os.X_OK) and is_private_folder(folder):
                    return folder
    return None
