"""The registry of this user's topologies on this machine, in the XDG state folder."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from redistopo.errors import MissingPrerequisite
from redistopo.host.files import is_private_folder, private_folder, read_json, remove, write_private
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One topology: `root` is its project folder, `ports` all of its data and bus ports."""

    id: str
    name: str
    shape: str
    root: str
    ports: tuple[int, ...]


def state_home() -> Path | None:
    """Return the user's state folder (XDG base directory specification); None without a home."""
    if given := os.environ.get("XDG_STATE_HOME"):
        return Path(given)
    try:
        return Path.home() / ".local" / "state"
    except RuntimeError:
        return None


def _folder() -> Path | None:
    """The folder of the entries; None without a home folder."""
    home = state_home()
    return home / "redistopo" / "topologies" if home is not None else None


def register(entry: Entry) -> str:
    """Register a topology for `ps` and `init` in other folders; returns why that failed, or "".

    A machine without a writable home folder can still run topologies.
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
    """Remove the topology of that project folder, but not that of a copy of it."""
    folder = _folder()
    for entry in registered_topologies():
        # the id is used as a file name, and was read from a file: it must not be a path
        if folder is not None and entry.root == str(root) and "/" not in entry.id:
            with suppress(MissingPrerequisite):
                remove(folder / f"{entry.id}.json", missing_ok=True)


def registered_topologies() -> tuple[Entry, ...]:
    """Return all registered topologies by name, also those whose folder is gone."""
    return tuple(sorted(_entries(), key=lambda one: (one.name, one.root)))


def registered_topology(identifier: str) -> Entry | None:
    """Return the topology that is registered with that id; None if there is none."""
    folder = _folder()
    if folder is None or "/" in identifier or not is_private_folder(folder):
        return None
    return _entry(folder / f"{identifier}.json")


def _entries() -> Iterator[Entry]:
    folder = _folder()
    if folder is not None and is_private_folder(folder):
        yield from filter(None, map(_entry, folder.glob("*.json")))


def _entry(path: Path) -> Entry | None:
    with suppress(MissingPrerequisite, ValueError, KeyError, TypeError):
        values = read_json(path) or {}
        texts = {name: str(values[name]) for name in ("id", "name", "shape", "root")}
        # the file may have been written by another program: a name is one line
        if texts["name"].isprintable() and texts["shape"].isprintable():
            return Entry(**texts, ports=tuple(map(int, values["ports"])))
    return None
