"""Redis's own files in a node's folder: finds, clears and renames them."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from redistopo.host.host import FileKind, Files
from redistopo.host.server_log import log_since_start
from redistopo.model.protocol.aof import is_log, missing, parse_manifest, rewrites_log
from redistopo.model.protocol.rdb import HEAD, is_rdb
from redistopo.model.topology.project_paths import Layout, NodeFolder

if TYPE_CHECKING:
    from redistopo.model.planning.plan import NodePlan


def nodes_conf_texts(files: Files, nodes: "Iterable[NodePlan]") -> dict[str, str]:
    """Map the address of each node that has a nodes.conf to its text."""
    found = {node.address: files.read(node.folder.table) for node in nodes}
    return {address: text for address, text in found.items() if text}


def clear_data(files: Files, layout: Layout, node: str) -> None:
    """Remove Redis's own files from a node's folder; its log and our files stay."""
    folder = layout.node(node)
    kept = {folder.log, folder.process, folder.config, folder.started}
    marker, state = files.status(layout.marker), files.status(layout.state)
    if marker and marker.kind is FileKind.FILE and state and state.kind is FileKind.FOLDER:
        for path in (folder.root / name for name in files.names(folder.root)):
            if path not in kept:
                files.remove(path)


def log_damage(files: Files, root: Path, live: Mapping[str, str], info: Mapping[str, str]) -> str:
    """Return why a start would not find all that a running server wrote to its append-only log;
    "" if it would. `live` is its live configuration, and `info` its INFO.

    Since Redis 7.0 the log is a folder, with a manifest and the files that it names.
    """
    name = live.get("appendfilename", "appendonly.aof")
    folder = live.get("appenddirname")
    if not folder:
        return _files_damage(files, root, (name,), info)
    if files.status(root / folder) is None:
        return missing(folder)
    manifest, before = root / folder / f"{name}.manifest", None
    damage = missing(f"{folder}/{manifest.name}")
    while (text := files.read(manifest)) != before:  # a rewrite may end in the meantime
        listed = parse_manifest(text) if text is not None else None
        if text is not None:
            damage = f"{folder}/{manifest.name} is {'damaged' if text.strip() else 'empty'}"
        if listed:
            damage = _files_damage(files, root, [f"{folder}/{one}" for one in listed.files], info)
        if not damage:
            return ""
        before = text
    return damage


def _files_damage(files: Files, root: Path, names: Iterable[str], info: Mapping[str, str]) -> str:
    """Why these files aren't the log of the server with that INFO.

    It counts what it wrote (aof_current_size), which may be gone from the files: they were cut,
    or replaced by older ones. History files (type h) are no longer part of the log (aof.c,
    aofLoadManifestFromFile).
    """
    total, known = 0, int(info.get("aof_current_size", 0))
    for name in names:
        status = files.status(root / name)
        if status is None:
            return missing(name)
        total += status.size
        head = b""
        with suppress(OSError):  # a rewrite may have removed it
            head = files.head(root / name, HEAD)
        if head and not (is_rdb(head) or is_log(head)):
            return f"{name} is neither a snapshot nor a log"
    if total < known and not rewrites_log(info) and not _truncated(files, root):
        return f"its files have {total:,} bytes of the {known:,} that the server wrote"
    return ""


def _truncated(files: Files, root: Path) -> bool:
    """Whether the server cut off the incomplete end of its log when it loaded it: it counts what
    was there before (aof.c, loadAppendOnlyFiles)."""
    text = log_since_start(files, NodeFolder(root).log)
    return "loaded anyway because aof-load-truncated" in text


def put_aside(files: Files, path: Path) -> Path | None:
    """Rename a file or folder to an unused name, which is returned; None if there is none."""
    if not files.status(path):
        return None
    names = (path.with_name(f"{path.name}.aside{number or ''}") for number in count())
    kept = next(name for name in names if not files.status(name))
    files.rename(path, kept)
    return kept
