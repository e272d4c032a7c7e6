"""Keeping the record: one file for the topology, one for each node's process."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from redistopo.errors import UsageError
from redistopo.host.files import private_folder, read_text, write_errors, write_private
from redistopo.model.state.record import RECORD_FORMAT, ProcessMark, RecordedNode, TopologyState
from redistopo.model.topology.layout import Layout


def save_record(layout: Layout, record: TopologyState) -> None:
    """The record is on disk, whole."""
    write_private(layout.record, json.dumps(asdict(record), indent=1) + "\n")


def load_topology_state(layout: Layout) -> TopologyState | None:
    """The record; None where there is none, or where it is damaged.

    A damaged record loses nothing: the nodes' own files still say what they are, and
    each process has its own mark. Raises UsageError for a newer format.
    """
    said = _json(read_text(layout.record))
    if said is None:
        return None
    if isinstance(version := said.get("format"), int) and version > RECORD_FORMAT:
        raise UsageError(
            f"{layout.record} was written by a newer redistopo (format {version})",
            hint="upgrade redistopo: pip install --upgrade redistopo",
        )
    try:
        nodes = tuple(RecordedNode(**node) for node in said["nodes"])
        record = TopologyState(**{**said, "nodes": nodes})
    except (KeyError, TypeError):
        return None
    # an id names a file elsewhere, so it is ours or it is none
    return record if re.fullmatch(r"[0-9a-f]{16}", str(record.id)) else None


def save_process_mark(path: Path, mark: ProcessMark) -> None:
    """The process is on record in that file."""
    private_folder(path.parent)
    write_private(path, json.dumps(asdict(mark)) + "\n")


def load_process_mark(path: Path) -> ProcessMark | None:
    """The mark in that file; None for none, or for one that is damaged."""
    said = _json(read_text(path))
    try:
        mark = ProcessMark(**said) if said is not None else None
    except TypeError:
        return None
    if mark is None or not isinstance(mark.pid, int) or not 0 <= mark.pid < 2**31:
        return None
    return mark


def remove_process_mark(layout: Layout, node: str) -> None:
    """No process is on record for this node."""
    path = layout.node(node).process
    with write_errors(path):
        path.unlink(missing_ok=True)


def recorded_node_names(layout: Layout) -> tuple[str, ...]:
    """Names of all nodes that have a folder, also ones that the topology file no longer has."""
    if not layout.nodes.is_dir():
        return ()
    if layout.nodes.is_symlink():
        return ()
    folders = (path for path in layout.nodes.iterdir() if path.is_dir() and not path.is_symlink())
    found = (path.name for path in folders)
    return tuple(sorted(found, key=lambda name: (len(name), name)))


def _json(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
