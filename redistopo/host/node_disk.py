"""Reads a node's folder for a snapshot: its files, its configuration and its own state."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from redistopo.host.host import FileKind, Files, FileStatus
from redistopo.host.server_log import log_since_start
from redistopo.model.state.disk import DiskSeen, FileSeen
from redistopo.model.topology.project_paths import NodeFolder

_REFUSED = re.compile(r"^.*(?:corrupted|flag in \w+) cluster config file.*$", re.MULTILINE)
"""The log message for a nodes.conf that a server refuses (cluster_legacy.c, clusterLoadConfig),
but not for a file that it can't write, on a full disk."""

_AUX, _END = 0xFA, 0xFF


def read_disk(files: Files, folder: NodeFolder, *, ended: bool = True) -> DiskSeen:
    """Read everything in a node's folder that a decision needs; empty if there is no folder.

    The log is searched for a refused nodes.conf only if the node has `ended`.
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
    """Return the log line of a last start that failed at its nodes.conf; "" for none."""
    found = _REFUSED.search(log_since_start(files, folder.log))
    return found[0] if found else ""


def _seen(files: Files, root: Path) -> Iterator[tuple[str, FileSeen]]:
    """The files in a folder and one level below, by relative name, except for files that a server
    has just removed."""
    for name in files.names(root):
        status = files.status(root / name)
        if status is None:
            continue
        inside = files.names(root / name) if status.kind is not FileKind.FILE else ()
        if status.kind is FileKind.FOLDER or inside:
            yield f"{name}/", FileSeen(written=status.modified, size=0, empty=True)
        else:
            yield name, _file(root / name, status, files)
        for below in inside:
            if inner := files.status(root / name / below):
                yield f"{name}/{below}", _file(root / name / below, inner, files)


def _file(path: Path, status: FileStatus, files: Files) -> FileSeen:
    """A file as seen; a snapshot that can't be read may have keys."""
    empty = not status.size
    if status.size and path.suffix == ".rdb":
        with suppress(OSError):
            empty = _empty(files.head(path, 4096))
    return FileSeen(written=status.modified, size=status.size, empty=empty)


def _empty(head: bytes) -> bool:
    """Whether a snapshot ends right after its metadata (rdb.h, RDB_OPCODE_AUX)."""
    at = len("REDIS0011")
    with suppress(IndexError):
        while head[at] == _AUX:
            at = _after(head, _after(head, at + 1))
        return head[at] == _END
    return not head


def _after(head: bytes, at: int) -> int:
    """The end of the string that starts at an offset (rdb.c, rdbLoadLenByRef)."""
    kind, low = head[at] >> 6, head[at] & 63
    if kind == 0:
        return at + 1 + low
    if kind == 1:
        return at + 2 + (low << 8 | head[at + 1])
    return at + 1 + (1 << low) if kind == 3 and low < 3 else len(head)
