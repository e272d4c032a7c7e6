"""Finds what earlier runs left in a state folder, and cleans it up without loss."""

import signal
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from redistopo.doctor.facts import OpenPermission
from redistopo.host.files import remove, write_errors
from redistopo.host.polling import Deadline
from redistopo.host.server_process import (
    await_end,
    has_working_folder,
    process_of_mark,
    signal_process,
)
from redistopo.model.protocol.credentials import TopologyUser
from redistopo.model.state.record import ProcessMark
from redistopo.model.topology.project_paths import Layout, NodeFolder
from redistopo.project.state_folder import is_claimed
from redistopo.project.topology_state_file import node_folder_names

_OTHERS = 0o077


def open_permissions(layout: Layout, given: Path | None) -> tuple[OpenPermission, ...]:
    """Return what others can read of the state folder and its secrets; `given` is the user's own
    password file. Links, and foreign files, are left to `up`, which refuses them."""
    found: list[OpenPermission | None] = []
    with suppress(OSError):  # another user's folder can't be examined, or fixed
        found += [_loose(layout.state, 0o700)] if is_claimed(layout) else []
        found += [_loose(path, 0o600) for path in _secrets(layout)]
    if given is not None:
        found.append(_loose(given, 0o600, yours=given.parent != layout.state))
    return tuple(dict.fromkeys(one for one in found if one))


def _secrets(layout: Layout) -> Iterator[Path]:
    yield layout.password
    yield from (layout.secret(user) for user in TopologyUser)
    yield from (layout.rotation, layout.tls.ca_key, layout.tls.client, layout.tls.stranger)
    for name in node_folder_names(layout):
        node = layout.node(name)
        yield from (node.config, node.started, node.users, layout.tls.node(name))


def _loose(path: Path, wanted: int, *, yours: bool = False) -> OpenPermission | None:
    with suppress(OSError):
        found = path.lstat()
        mode = stat.S_IMODE(found.st_mode)
        if mode & _OTHERS and not stat.S_ISLNK(found.st_mode):
            return OpenPermission(path=str(path), mode=mode, wanted=wanted, yours=yours)
    return None


def holds_no_data(folder: NodeFolder) -> bool:
    """Return whether a node's folder has only files that redistopo wrote, and none of a server."""
    own = {folder.config, folder.started, folder.rewritten, folder.log, folder.pidfile}
    own |= {folder.users, folder.listed, folder.process}
    with suppress(OSError):
        return all(path in own for path in folder.root.iterdir())
    return False


def remove_empty_folder(folder: NodeFolder) -> bool:
    """Remove the folder if it only holds what redistopo wrote; return whether it is removed."""
    if folder.root.is_symlink() or not holds_no_data(folder):
        return False
    with write_errors(folder.root):
        for path in folder.root.iterdir():
            remove(path)
        folder.root.rmdir()
    return True


def end_orphan(mark: ProcessMark, folder: Path, seconds: float) -> bool:
    """Send SIGTERM, by which a server saves and exits, to that very process; return whether it has
    ended. A server that can't save keeps running: nothing is killed here."""
    process = process_of_mark(mark)
    if process is None:
        return True
    if folder.exists() and not has_working_folder(process, folder):
        return False
    signal_process(process, signal.SIGTERM)
    signal_process(process, signal.SIGCONT)
    return not await_end([process], Deadline(seconds))
