"""The state folder beside the topology file: created private, marked as ours, wiped."""

import os
import re
from pathlib import Path

from redistopo.errors import MissingPrerequisite
from redistopo.host.files import private_folder, refuse_links, remove, write_errors, write_private
from redistopo.model.topology.project_paths import Layout

_MARK = (
    "This folder belongs to redistopo: `redistopo down --wipe` removes it.\n"
    "It holds a topology's configuration, password and data.\n"
)


def refuse_foreign(layout: Layout) -> None:
    """Raise MissingPrerequisite if something that isn't ours is at the state folder's path."""
    if layout.state.is_symlink():
        raise MissingPrerequisite(
            f"{layout.state} is a symbolic link",
            hint="redistopo works only in a folder of its own: remove the link",
        )
    _refuse_owner(layout.state)
    if layout.state.exists() and not layout.marker.is_file() and _has_foreign_files(layout):
        raise MissingPrerequisite(
            f"{layout.state} exists, but has no MARKER of redistopo",
            hint="move that folder away, or use another folder with --dir; if redistopo "
            "created it: touch the MARKER in it",
        )


def refuse_planted(layout: Layout) -> None:
    """Raise MissingPrerequisite if a file that a start reads or writes is a link, or belongs to
    another user, who could get the password or the data that way."""
    refuse_links(layout.state)
    for place in (layout.state, layout.nodes, layout.tls.root):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            _refuse_owner(path)


def _refuse_owner(path: Path) -> None:
    try:
        owner = path.lstat().st_uid
    except OSError:
        return
    if owner != os.geteuid():
        raise MissingPrerequisite(
            f"{path} belongs to another user (uid {owner}, you are {os.geteuid()})",
            hint="use a folder of your own (--dir), or run redistopo as that user; if it is "
            f"yours: chown -R {os.geteuid()} {path}",
        )


def _has_foreign_files(layout: Layout) -> bool:
    """Whether the state folder has anything except what is created before our marker: the lock,
    and a temporary file of a marker whose writer was killed."""
    if not layout.state.is_dir():
        return True
    ours = re.compile(rf"{layout.lock.name}|\.{layout.marker.name}\.[0-9]+")
    return any(not ours.fullmatch(path.name) for path in layout.state.iterdir())


def claim_state_folder(layout: Layout) -> None:
    """Create the state folder, private and with our marker.

    Raises MissingPrerequisite if it can't be created, or if its path is taken.
    """
    refuse_foreign(layout)
    refuse_planted(layout)
    private_folder(layout.state)
    if not layout.marker.exists():
        write_private(layout.marker, _MARK)
    private_folder(layout.nodes)
    if layout.removed_nodes.exists():
        remove(layout.removed_nodes)


def sweep(layout: Layout) -> None:
    """Remove temporary files of a killed redistopo, which may contain an old password. Call it
    only under the lock, so that no command is writing."""
    folders = [layout.state, layout.tls.root]
    if layout.nodes.is_dir() and not layout.nodes.is_symlink():
        folders += [path for path in layout.nodes.iterdir() if not path.is_symlink()]
    for folder in folders:
        for path in folder.glob(".*.[0-9]*") if folder.is_dir() else ():
            if re.fullmatch(r"\..+\.[0-9]+", path.name) and not path.is_dir():
                remove(path)
    # beside the topology file there may be files of the user: match the whole name
    for path in layout.root.glob(f".{layout.topology.name}.[0-9]*"):
        if path.name.rpartition(".")[2].isdecimal() and path.is_file() and not path.is_symlink():
            remove(path)


def is_claimed(layout: Layout) -> bool:
    """Return whether the state folder exists and is ours."""
    return layout.marker.is_file() and not layout.state.is_symlink()


def wipe_state_folder(layout: Layout) -> None:
    """Remove the state folder with configuration, password and data; the topology file stays.

    Raises MissingPrerequisite if the folder doesn't have our marker.
    """
    refuse_foreign(layout)
    if not layout.state.exists():
        return
    # if interrupted at any moment, either all of the data is left or none: first the record,
    # since without it data counts as that of a formed topology; then all nodes at once, by a
    # rename; the marker late, so that an interrupted wipe can be repeated; the lock last, so
    # that no new topology is created in the meantime
    if layout.removed_nodes.exists():
        remove(layout.removed_nodes)
    if layout.record.exists():
        remove(layout.record)
    if layout.nodes.is_dir() and not layout.nodes.is_symlink():
        with write_errors(layout.nodes):
            layout.nodes.replace(layout.removed_nodes)
    last = (layout.marker, layout.lock)
    for path in sorted(layout.state.iterdir()):
        if path not in last:
            remove(path)
    for path in last:
        if path.exists():
            remove(path)
    with write_errors(layout.state):
        layout.state.rmdir()
