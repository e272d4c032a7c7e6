"""The topology state on disk, and the nodes that have a folder beside it."""

import json
import re
from dataclasses import asdict

from redistopo.errors import UsageError
from redistopo.host.files import read_json, write_private
from redistopo.model.state.record import RECORD_FORMAT, RecordedNode, TopologyState
from redistopo.model.topology.project_paths import Layout


def save_record(layout: Layout, record: TopologyState) -> None:
    """The record is on disk, whole."""
    write_private(layout.record, json.dumps(asdict(record), indent=1) + "\n")


def load_topology_state(layout: Layout) -> TopologyState | None:
    """The record; None where there is none, or where it is damaged.

    A damaged record loses nothing: the nodes' own files still say what they are, and
    each process has its own mark. Raises UsageError for a newer format.
    """
    said = read_json(layout.record)
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


def node_folder_names(layout: Layout) -> tuple[str, ...]:
    """Names of all nodes that have a folder, also ones that the topology file no longer has."""
    if not layout.nodes.is_dir():
        return ()
    if layout.nodes.is_symlink():
        return ()
    folders = (path for path in layout.nodes.iterdir() if path.is_dir() and not path.is_symlink())
    found = (path.name for path in folders)
    return tuple(sorted(found, key=lambda name: (len(name), name)))
