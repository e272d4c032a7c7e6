"""A node's folder read into the snapshot: its files, its configuration, its own state."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from redistopo.host.host import FileKind, Files, FileStatus
from redistopo.host.server_log import log_since_start
from redistopo.model.state.disk import DiskSeen, FileSeen
from redistopo.model.topology.project_paths import NodeFolder

_REFUSED = re.compile(r"^.*(?:corrupted|flag in \w+) cluster config file.*$", re.MULTILINE)
"""How a server speaks of a nodes.conf that it refuses (cluster_legacy.c, clusterLoadConfig);
of one that it can't write, on a full disk, it speaks otherwise."""

_AUX, _END = 0xFA, 0xFF


def read_disk(files: Files, folder: NodeFolder, *, ended: bool = True) -> DiskSeen:
    """Everything in a node's folder that a decision needs; an empty one where there is none.

    Only of a node that has `ended` the log is searched for a refused nodes.conf.
    """
    seen = dict(_seen(files, folder.root))
    texts = {
        path.name: files.read(path) if path.name in seen else None
        for path in (folder.config, folder.started, folder.users, folder.listed, folder.table)
    }
    return DiskSeen(
        files=seen,
        config=texts[folder.config.name],
        started=texts[folder.started.name],
        users=texts[folder.users.name],
        listed=texts[folder.listed.name],
        nodes_conf=texts[folder.table.name],
        refusal=nodes_conf_refusal(files, folder) if ended and texts[folder.table.name] else "",
    )


def nodes_conf_refusal(files: Files, folder: NodeFolder) -> str:
    """The line of its log with which the node's last start ended at its table; "" for none."""
    found = _REFUSED.search(log_since_start(files, folder.log))
    return found[0] if found else ""


def _seen(files: Files, root: Path) -> Iterator[tuple[str, FileSeen]]:
    """What is in the folder and one below, by names relative to it; not what a server removed
    in between."""
    for name in files.names(root):
        told = files.status(root / name)
        if told is None:
            continue
        inside = files.names(root / name) if told.kind is not FileKind.FILE else ()
        if told.kind is FileKind.FOLDER or inside:
            yield f"{name}/", FileSeen(written=told.modified, size=0, empty=True)
        else:
            yield name, _file(root / name, told, files)
        for below in inside:
            if status := files.status(root / name / below):
                yield f"{name}/{below}", _file(root / name / below, status, files)


def _file(path: Path, told: FileStatus, files: Files) -> FileSeen:
    """What can't be read may hold keys."""
    empty = not told.size
    if told.size and path.suffix == ".rdb":
        with suppress(OSError):
            empty = _empty(files.head(path, 4096))
    return FileSeen(written=told.modified, size=told.size, empty=empty)


def _empty(head: bytes) -> bool:
    """Whether a snapshot ends after what it tells of itself (rdb.h, RDB_OPCODE_AUX)."""
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
