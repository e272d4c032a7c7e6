"""Every topology of ours on this machine, known by the user's XDG state folder."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from redistopo.errors import MissingPrerequisite
from redistopo.host.files import private_folder, read_text, write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One topology: `root` is its project folder, `ports` all of its data and bus ports."""

    id: str
    name: str
    shape: str
    root: str
    ports: tuple[int, ...]


def state_home() -> Path | None:
    """The user's state folder, by the XDG base directory specification; None without a home."""
    if given := os.environ.get("XDG_STATE_HOME"):
        return Path(given)
    try:
        return Path.home() / ".local" / "state"
    except RuntimeError:
        return None


def _folder() -> Path | None:
    """Where entries are kept; None on a machine without a home."""
    home = state_home()
    return home / "redistopo" / "topologies" if home is not None else None


def register(entry: Entry) -> str:
    """The topology is known to `ps` and to `init` elsewhere; else why it isn't ("" if it is).

    A machine without a writable home can still run topologies.
    """
    folder = _folder()
    if folder is None:
        return "there is no home folder"
    try:
        private_folder(folder)
        write_private(folder / f"{entry.id}.json", json.dumps(asdict(entry)) + "\n")
    except MissingPrerequisite as error:
        return f"{error.message}: {error.detail}"
    return ""


def unregister(root: Path) -> None:
    """No topology of that project folder is known any more; one of a copy of it still is."""
    folder = _folder()
    for entry in registered_topologies():
        # an id is a file's name here, and what was read from a file is no path
        if folder is not None and entry.root == str(root) and "/" not in entry.id:
            with suppress(OSError):
                (folder / f"{entry.id}.json").unlink(missing_ok=True)


def registered_topologies() -> tuple[Entry, ...]:
    """All known topologies whose project still has its state folder, by name."""
    return tuple(sorted(_entries(), key=lambda one: (one.name, one.root)))


def _entries() -> Iterator[Entry]:
    folder = _folder()
    if folder is None or not folder.is_dir():
        return
    for path in folder.glob("*.json"):
        with suppress(MissingPrerequisite, ValueError, KeyError, TypeError):
            said = json.loads(read_text(path) or "")
            texts = {name: str(said[name]) for name in ("id", "name", "shape", "root")}
            yield Entry(**texts, ports=tuple(map(int, said["ports"])))
