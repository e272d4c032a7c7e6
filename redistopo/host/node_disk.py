"""Reads a node's folder for a snapshot: its files, its configuration and its own state."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from redistopo.host.host import FileKind, Files, FileStatus
from redistopo.host.server_log import log_since_start
from redistopo.model.protocol.aof import ends_in_a_command, has_only_keys_of, is_log
from redistopo.model.protocol.logged_data import logged_data
from redistopo.model.protocol.rdb import HEAD, TAIL, ends_whole, is_rdb, rdb_facts
from redistopo.model.state.disk import DiskSeen, FileSeen
from redistopo.model.state.stop_record import StopRecord, is_outdated
from redistopo.model.state.write_probe_result import PREFIX
from redistopo.model.topology.project_paths import NodeFolder

_REFUSED = re.compile(r"^.*(?:corrupted|flag in \w+) cluster config file.*$", re.MULTILINE)
"""The log message for a nodes.conf that a server refuses (cluster_legacy.c, clusterLoadConfig),
but not for a file that it can't write, on a full disk."""

_PLAIN = (".conf", ".log", ".json", ".acl", ".manifest", ".started", ".listed", ".rewritten")
"""Suffixes of files that hold no keys."""

_SPANS = (1 << 16, 1 << 20, 1 << 24)
"""Bytes to read of a log's end, more only where no command begins in fewer."""


def read_disk(
    files: Files, folder: NodeFolder, *, ended: bool = True, stopped: StopRecord | None = None
) -> DiskSeen:
    """Read everything in a node's folder that a decision needs; nothing if there is none.

    Only of a node that has `ended`, the server's log is read, and its data files are inspected.
    """
    seen = dict(_seen(files, folder.root, ended=ended))
    # a server that was started by hand wrote what servers write, and grows a log or a snapshot
    wrote = {
        name: one for name, one in seen.items() if not (one.foreign or name.endswith(".manifest"))
    }
    sizes = {name: one.size for name, one in wrote.items()}
    by_hand = ended and stopped is not None and is_outdated(stopped, sizes)
    log = log_since_start(files, folder.log) if ended else ""
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
        manifests={
            name: files.read(folder.root / name) or ""
            for name in seen
            if name.endswith(".manifest")
        },
        stopped=stopped if ended and not by_hand else None,
        by_hand=by_hand,
        refusal=_refusal(log) if texts[folder.table.name] else "",
        logged=logged_data(log),
    )


def nodes_conf_refusal(files: Files, folder: NodeFolder) -> str:
    """Return the log line of a last start that failed at its nodes.conf; "" for none."""
    return _refusal(log_since_start(files, folder.log))


def _refusal(log: str) -> str:
    found = _REFUSED.search(log)
    return found[0] if found else ""


def _seen(files: Files, root: Path, *, ended: bool) -> Iterator[tuple[str, FileSeen]]:
    """What is in the folder and one below, by names relative to it; not what a server removed
    in between."""
    for name in files.names(root):
        status = files.status(root / name)
        if status is None:
            continue
        inside = files.names(root / name) if status.kind is FileKind.FOLDER else ()
        if status.kind is FileKind.FOLDER:
            yield f"{name}/", _empty(status)
        else:
            yield name, _file(root / name, status, files, ended=ended)
        for below in inside:
            if found := files.status(root / name / below):
                yield f"{name}/{below}", _file(root / name / below, found, files, ended=ended)


def _file(path: Path, status: FileStatus, files: Files, *, ended: bool) -> FileSeen:
    """One file; what can't be read may hold keys."""
    seen = replace(_empty(status), size=status.size, empty=not status.size)
    if seen.empty or path.suffix in _PLAIN:
        return seen
    with suppress(OSError):
        head = files.head(path, HEAD)
        if is_rdb(head):
            facts = rdb_facts(head)
            log = path.suffix == ".aof"  # which begins with a snapshot (before Redis 7.0)
            ends = ends_whole(files.end(path, TAIL))
            torn = ended and not ends and not (log and not _torn(files, path, seen.size))
            return replace(seen, empty=facts.empty and not log, snapshot=facts, torn=torn)
        if is_log(head):
            torn = ended and _torn(files, path, seen.size)
            return replace(seen, torn=torn, empty=ended and _is_proofs(files, path, seen.size))
        return replace(seen, foreign=path.suffix in (".rdb", ".aof"))
    return seen


def _empty(status: FileStatus) -> FileSeen:
    return FileSeen(written=status.modified, changed=status.changed, size=0, empty=True)


def _is_proofs(files: Files, path: Path, size: int) -> bool:
    """Whether a log has nothing but data proofs, whose keys are deleted again: a replica that
    copied its primary's data has a log without them, and as much. Before Redis 7.0 the only log of
    such a replica begins with a snapshot, and counts as one with keys: so do its primary's."""
    most = _SPANS[0]
    part = path.name.endswith(".incr.aof")
    return part and size <= most and has_only_keys_of(files.end(path, most), PREFIX.encode())


def _torn(files: Files, path: Path, size: int) -> bool:
    """Whether a log ends before the end of a command."""
    for span in _SPANS:
        whole = ends_in_a_command(files.end(path, span))
        if whole or size <= span:
            return not whole
    return False  # unknown: its last command is larger than all that is read
