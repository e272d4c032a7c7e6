"""A node's folder read into the snapshot: its files, its configuration, its own state."""

import os
import re
from contextlib import suppress
from pathlib import Path

from redistopo.host.files import log_since_start, read_text
from redistopo.model.state.disk import DiskSeen, FileSeen
from redistopo.model.topology.layout import NodeFolder

_REFUSED = re.compile(r"^.*(?:corrupted|flag in \w+) cluster config file.*$", re.MULTILINE)
"""How a server speaks of a nodes.conf that it refuses (cluster_legacy.c, clusterLoadConfig);
of one that it can't write, on a full disk, it speaks otherwise."""

_AUX, _END = 0xFA, 0xFF


def read_disk(folder: NodeFolder, *, ended: bool = True) -> DiskSeen:
    """Everything in a node's folder that a decision needs; an empty one where there is none.

    Only of a node that has `ended` the log is searched for a refused nodes.conf.
    """
    files = {
        name: one for path, name in _paths(folder.root) if (one := _file(path, name)) is not None
    }
    texts = {
        path.name: read_text(path) if path.name in files else None
        for path in (folder.config, folder.started, folder.users, folder.listed, folder.table)
    }
    return DiskSeen(
        files=files,
        config=texts[folder.config.name],
        started=texts[folder.started.name],
        users=texts[folder.users.name],
        listed=texts[folder.listed.name],
        nodes_conf=texts[folder.table.name],
        refusal=nodes_conf_refusal(folder) if ended and texts[folder.table.name] else "",
    )


def nodes_conf_refusal(folder: NodeFolder) -> str:
    """The line of its log with which the node's last start ended at its table; "" for none."""
    found = _REFUSED.search(log_since_start(folder.log))
    return found[0] if found else ""


def _paths(root: Path) -> list[tuple[str, str]]:
    """What is in the folder and one below: paths, and names relative to it."""
    found: list[tuple[str, str]] = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(root) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                found.append((entry.path, entry.name))
                continue
            found.append((entry.path, f"{entry.name}/"))
            with suppress(OSError), os.scandir(entry.path) as below:
                found += [(one.path, f"{entry.name}/{one.name}") for one in below]
    return found


def _file(path: str, name: str) -> FileSeen | None:
    """None for what a server removed in between; what can't be read may hold keys."""
    try:
        told = Path(path).stat()
        snapshot = name.endswith(".rdb") and told.st_size > 0
        empty = _empty(Path(path)) if snapshot else not told.st_size
    except FileNotFoundError:
        return None
    except OSError:
        return FileSeen(written=0.0, size=1)
    return FileSeen(written=told.st_mtime, size=told.st_size, empty=empty)


def _empty(snapshot: Path) -> bool:
    """Whether a snapshot ends after what it tells of itself (rdb.h, RDB_OPCODE_AUX)."""
    with snapshot.open("rb") as file:
        head = file.read(4096)
    at = len("REDIS0011")
    with suppress(IndexError):
        while head[at] == _AUX:
            at = _after(head, _after(head, at + 1))
        return head[at] == _END
    return not head


def _after(head: bytes, at: int) -> int:
    """Where the string that begins there ends (rdb.c, rdbLoadLenByRef)."""
    kind, low = head[at] >> 6, head[at] & 63
    if kind == 0:
        return at + 1 + low
    if kind == 1:
        return at + 2 + (low << 8 | head[at + 1])
    return at + 1 + (1 << low) if kind == 3 and low < 3 else len(head)
