"""The state folder beside the topology file: made private, marked as ours, removed only so."""

import shutil
from pathlib import Path

from redistopo.errors import MachineLacks, WrongRequest
from redistopo.model.layout import Layout
from redistopo.world.files import private_folder, write_private, writing

_MARK = (
    "This folder belongs to redistopo: `redistopo down --wipe` removes it.\n"
    "It holds a topology's configuration, password and data.\n"
)


def claim(layout: Layout) -> None:
    """The state folder exists, is private and bears our marker.

    Raises MachineLacks where it can't be made, or where a folder of that name holds
    something else.
    """
    if layout.state.is_symlink():
        raise MachineLacks(
            f"{layout.state} is a symbolic link",
            hint="redistopo writes only into a folder of its own: remove the link",
        )
    if layout.state.is_dir() and not layout.marker.exists() and any(layout.state.iterdir()):
        raise MachineLacks(
            f"{layout.state} exists, but redistopo didn't make it (it has no MARKER)",
            hint="move that folder away, or use another one with --dir",
        )
    private_folder(layout.state)
    if not layout.marker.exists():
        write_private(layout.marker, _MARK)


def claimed(layout: Layout) -> bool:
    """Whether the state folder is there and ours."""
    return layout.marker.is_file() and not layout.state.is_symlink()


def wipe(layout: Layout) -> None:
    """The state folder is gone, with configuration, password and data; the topology file stays.

    Raises WrongRequest where the folder doesn't bear our marker.
    """
    if not layout.state.exists():
        return
    if not claimed(layout):
        raise WrongRequest(
            f"{layout.state} doesn't bear redistopo's marker, so nothing was removed",
            hint="remove it by hand if it is yours",
        )
    # the marker goes last: an interrupted wipe can be repeated
    for path in sorted(layout.state.iterdir()):
        if path != layout.marker:
            _remove(path)
    _remove(layout.marker)
    with writing(layout.state):
        layout.state.rmdir()


def clear_data(layout: Layout, node: str) -> None:
    """The node's folder keeps its logs and our record; Redis's own files in it are gone."""
    folder = layout.node(node)
    kept = {folder.log, folder.process, folder.config}
    if claimed(layout) and folder.root.is_dir():
        for path in folder.root.iterdir():
            if path not in kept:
                _remove(path)


def has_data(layout: Layout, node: str) -> bool:
    """Whether Redis has left anything in the node's folder that a start would read."""
    root = layout.node(node).root
    names = ("nodes.conf", "dump.rdb", "appendonly.aof", "appendonlydir")
    return any((root / name).exists() for name in names)


def _remove(path: Path) -> None:
    with writing(path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
