"""Redis's own files in a node's folder: finds, clears and renames them."""

from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path

from redistopo.host.host import FileKind, Files
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.aof import parse_manifest
from redistopo.model.topology.project_paths import Layout


def nodes_conf_texts(files: Files, nodes: Iterable[NodePlan]) -> dict[str, str]:
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


def has_log(files: Files, root: Path, live: Mapping[str, str]) -> bool:
    """Return whether a node's folder has the append-only log of a server with that live
    configuration: a file, since Redis 7.0 a folder with a manifest and the files that it names.

    The base file may be missing until a rewrite ends, if the log was lost. History files (type
    h) are no longer part of the log (aof.c, aofLoadManifestFromFile).
    """
    name = live.get("appendfilename", "appendonly.aof")
    folder = live.get("appenddirname")
    if not folder:
        return files.status(root / name) is not None
    manifest, before = root / folder / f"{name}.manifest", None
    while (text := files.read(manifest)) != before:  # a rewrite may end in the meantime
        listed = parse_manifest(text) if text is not None else None
        if listed and all(files.status(manifest.parent / one) for one in listed.files):
            return True
        before = text
    return False


def put_aside(files: Files, path: Path) -> Path | None:
    """Rename a file or folder to an unused name, which is returned; None if there is none."""
    if not files.status(path):
        return None
    names = (path.with_name(f"{path.name}.aside{number or ''}") for number in count())
    kept = next(name for name in names if not files.status(name))
    files.rename(path, kept)
    return kept
