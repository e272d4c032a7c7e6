"""The topology state on disk, and the names of the node folders beside it."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict

from redistopo.errors import UsageError
from redistopo.host.files import read_json, write_private
from redistopo.model.protocol.endpoint import LAST_PORT
from redistopo.model.state.record import RECORD_FORMAT, RecordedNode, TopologyState
from redistopo.model.topology.project_paths import Layout
from redistopo.project.recovered_record import recovered_record

_NAME = re.compile(r"(?:node|sentinel)[0-9]{1,4}", re.ASCII)


def save_record(layout: Layout, record: TopologyState) -> None:
    """Write the recorded state, atomically."""
    write_private(layout.record, json.dumps(_values(record), indent=1) + "\n")


def _values(record: TopologyState) -> dict[str, object]:
    """The record's values, in the oldest format that can express them, which older versions
    read."""
    values = asdict(record)
    if record.adopted:
        return {**values, "format": RECORD_FORMAT}
    del values["adopted"]
    if any(node.machine for node in record.nodes):
        return {**values, "format": 3}
    for node in values["nodes"]:
        del node["machine"]
    if record.removed or any(port != first for port, first in _ports(record)):
        return {**values, "format": 2}
    newer = ("removed", "port", "sentinel_port")
    return {**{name: one for name, one in values.items() if name not in newer}, "format": 1}


def _ports(record: TopologyState) -> Iterator[tuple[int, int]]:
    """Each node's port, and the one that its number gives."""
    for prefix, first in (("node", record.port), ("sentinel", record.sentinel_port)):
        some = [node for node in record.nodes if node.name.startswith(prefix)]
        for number, node in enumerate(some):
            yield node.port, (first or some[0].port) + number


def load_topology_state(layout: Layout) -> TopologyState | None:
    """Read the recorded state; None if there is none, or if it is damaged.

    A lost record loses nothing: the nodes' own files have their state, each process has its own
    mark, and so has a node that was removed. Raises UsageError for a newer format.
    """
    return _read(layout) or recovered_record(layout, node_folder_names(layout))


def _read(layout: Layout) -> TopologyState | None:
    values = read_json(layout.record)
    if values is None:
        return None
    if isinstance(version := values.get("format"), int) and version > RECORD_FORMAT:
        raise UsageError(
            f"{layout.record} was written by a newer redistopo (format {version})",
            hint="upgrade redistopo: pip install --upgrade redistopo",
        )
    try:
        nodes = tuple(RecordedNode(**node) for node in values["nodes"])
        removed = tuple(values.get("removed", ()))
        record = TopologyState(**{**values, "nodes": nodes, "removed": removed})
    except (KeyError, TypeError):
        return None
    return record if _valid(record) else None


def _valid(record: TopologyState) -> bool:
    """Whether a record has the types that it should have: the folder may have been cloned."""
    # the id and the nodes' names are used as file names, so their form matters
    texts = (record.name, record.shape, record.created, record.primary, record.engine)
    return (
        re.fullmatch(r"[0-9a-f]{16}", str(record.id)) is not None
        and all(isinstance(one, str) for one in texts)
        and all(isinstance(one, int) for one in (record.port, record.sentinel_port, record.adopted))
        and all(_NAME.fullmatch(str(name)) for name in (*record.names, *record.removed))
        and all(
            isinstance(node.host, str)
            and isinstance(node.machine, str)
            and isinstance(node.port, int)
            and 0 <= node.port <= LAST_PORT
            for node in record.nodes
        )
    )


def node_folder_names(layout: Layout) -> tuple[str, ...]:
    """Return the names of all node folders, also of nodes no longer in the topology file."""
    if not layout.nodes.is_dir():
        return ()
    if layout.nodes.is_symlink():
        return ()
    folders = (path for path in layout.nodes.iterdir() if path.is_dir() and not path.is_symlink())
    found = (path.name for path in folders)
    return tuple(sorted(found, key=lambda name: (len(name), name)))
