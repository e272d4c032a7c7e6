"""The state folder beside the topology file: made private, marked as ours, removed only so."""

import os
import re
from pathlib import Path

from redistopo.errors import MissingPrerequisite
from redistopo.host.files import private_folder, remove, write_errors, write_private
from redistopo.model.topology.project_paths import Layout

_MARK = (
    "This folder belongs to redistopo: `redistopo down --wipe` removes it.\n"
    "It holds a topology's configuration, password and data.\n"
)


def refuse_foreign(layout: Layout) -> None:
    """Raise MissingPrerequisite if something that isn't ours is in the state folder's place."""
    if layout.state.is_symlink():
        raise MissingPrerequisite(
            f"{layout.state} is a symbolic link",
            hint="redistopo works only in a folder of its own: remove the link",
        )
    _refuse_owner(layout.state)
    if layout.state.exists() and not layout.marker.is_file() and _things(layout):
        raise MissingPrerequisite(
            f"{layout.state} exists, but it has no MARKER of redistopo's",
            hint="move that folder away, or use another one with --dir; if redistopo did make "
            "it, `touch` the MARKER in it",
        )


def refuse_planted(layout: Layout) -> None:
    """Raises MissingPrerequisite where anything that a start reads or writes is a link, or another
    user's: whoever planted it would be handed the password, or the data."""
    places = (layout.state, layout.nodes, layout.tls.root)
    for place in places:
        for path in sorted(place.iterdir()) if place.is_dir() and not place.is_symlink() else ():
            if path.is_symlink():
                raise MissingPrerequisite(
                    f"{path} is a symbolic link",
                    detail=f"it leads to {path.readlink()}",
                    hint="redistopo makes no links in its own folder: remove it",
                )
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


def _things(layout: Layout) -> bool:
    """Whether the state folder holds anything but what precedes a marker of ours: the lock,
    and a marker whose writer was killed before it stood whole in its place."""
    if not layout.state.is_dir():
        return True
    ours = re.compile(rf"{layout.lock.name}|\.{layout.marker.name}\.[0-9]+")
    return any(not ours.fullmatch(path.name) for path in layout.state.iterdir())


def claim_state_folder(layout: Layout) -> None:
    """The state folder exists, is private and bears our marker.

    Raises MissingPrerequisite where it can't be made, or where something else is in its place.
    """
    refuse_foreign(layout)
    refuse_planted(layout)
    private_folder(layout.state)
    if not layout.marker.exists():
        write_private(layout.marker, _MARK)
    private_folder(layout.nodes)
    if layout.doomed.exists():
        remove(layout.doomed)


def sweep(layout: Layout) -> None:
    """Nothing is left that a redistopo had half written when it was killed: it may hold an old
    password. Only called under the lock, so that nobody is writing."""
    folders = [layout.state, layout.tls.root]
    if layout.nodes.is_dir() and not layout.nodes.is_symlink():
        folders += [path for path in layout.nodes.iterdir() if not path.is_symlink()]
    for folder in folders:
        for path in folder.glob(".*.[0-9]*") if folder.is_dir() else ():
            if re.fullmatch(r"\..+\.[0-9]+", path.name) and not path.is_dir():
                remove(path)
    # beside the user's own file there may be others of the user's: by its whole name alone
    for path in layout.root.glob(f".{layout.topology.name}.[0-9]*"):
        if path.name.rpartition(".")[2].isdigit() and path.is_file() and not path.is_symlink():
            remove(path)


def is_claimed(layout: Layout) -> bool:
    """Whether the state folder is there and ours."""
    return layout.marker.is_file() and not layout.state.is_symlink()


def wipe_state_folder(layout: Layout) -> None:
    """The state folder is gone, with configuration, password and data; the topology file stays.

    Raises MissingPrerequisite where the folder doesn't bear our marker.
    """
    refuse_foreign(layout)
    if not layout.state.exists():
        return
    # cut off at any moment, all of the data is left or none: the record goes first, for
    # without it data counts as a formed topology's, and then all nodes go at once, by name;
    # the marker goes late, so that an interrupted wipe can be repeated; the lock goes last,
    # so that nobody makes a new topology meanwhile
    if layout.doomed.exists():
        remove(layout.doomed)
    if layout.record.exists():
        remove(layout.record)
    if layout.nodes.is_dir() and not layout.nodes.is_symlink():
        with write_errors(layout.nodes):
            layout.nodes.replace(layout.doomed)
    last = (layout.marker, layout.lock)
    for path in sorted(layout.state.iterdir()):
        if path not in last:
            remove(path)
    for path in last:
        if path.exists():
            remove(path)
    with write_errors(layout.state):
        layout.state.rmdir()
