"""Folders of ephemeral topologies: below one private folder of this user in the temporary folder.

Each is marked with its owner, the program that created it. What is left of an owner that has ended
without its watcher (a power cut) is swept by the next use.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from redistopo.errors import MissingPrerequisite
from redistopo.host.files import (
    is_private_folder,
    private_folder,
    write_errors,
)
from redistopo.host.own_children import reap_children
from redistopo.host.owner_watcher import MARKER, QUIET_SECONDS, clean_up
from redistopo.host.process_marks import load_process_mark, save_process_mark
from redistopo.host.server_process import boot_id, process_of_mark
from redistopo.host.watch_owner import owner_mark
from redistopo.model.state.record import ProcessMark
from redistopo.project.registry import registered_topologies, unregister

_FOLDER = "redistopo-ephemeral-{}"


def create_ephemeral_folder() -> Path:
    """Create a folder that belongs to this process, and sweep those of owners that have ended.

    Raises MissingPrerequisite if the temporary folder isn't writable, or holds something else.
    """
    base = _base()
    with write_errors(base):
        private_folder(base)
        if not is_private_folder(base):
            raise MissingPrerequisite(
                f"{base} is not a folder of yours alone",
                hint="remove it, or set TMPDIR to another folder",
            )
        sweep_ephemeral_folders()
        folder = Path(tempfile.mkdtemp(prefix="", dir=base))
        try:
            save_process_mark(folder / MARKER, owner_mark(_pid_space()))
        except BaseException:  # Ctrl-C too: without a marker it would never be swept
            folder.rmdir()
            raise
    return folder


def remove_ephemeral_folder(folder: Path, quiet: float = 0.0) -> None:
    """End all servers of an ephemeral topology, and remove its folder and its registration; wait
    until none has appeared for so many seconds."""
    with suppress(OSError):
        seen = folder.stat()
        clean_up(str(folder), seen.st_dev, seen.st_ino, quiet)
    reap_children()
    unregister(folder)


def keep_ephemeral_folder(folder: Path) -> None:
    """Turn an ephemeral folder into one that nothing removes."""
    with write_errors(folder):
        (folder / MARKER).unlink()


def sweep_ephemeral_folders() -> None:
    """Remove the folders of this user whose owner has ended, with their servers."""
    base = _base()
    for folder in _stale(base):
        remove_ephemeral_folder(folder, QUIET_SECONDS)
    for entry in registered_topologies():
        root = Path(entry.root)
        if root.parent == base and not root.exists():
            unregister(root)


def _stale(base: Path) -> Iterator[Path]:
    if not is_private_folder(base):
        return
    for folder in base.iterdir():
        owner = load_process_mark(folder / MARKER) if is_private_folder(folder) else None
        if owner is not None and _has_ended(owner):
            yield folder


def _base() -> Path:
    return Path(tempfile.gettempdir()).resolve() / _FOLDER.format(os.geteuid())


def _has_ended(owner: ProcessMark) -> bool:
    """Whether an owner has ended for certain; in another pid namespace its pid isn't visible."""
    same_space = owner.boot != boot_id() or owner.config == _pid_space()
    return same_space and process_of_mark(owner) is None


def _pid_space() -> str:
    """The pid namespace, where the system has them; containers may share a temporary folder."""
    try:
        return f"pid namespace {Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""
