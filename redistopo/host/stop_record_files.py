"""Stop records on disk, beside the nodes' folders: a folder copied back doesn't bring its own."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from redistopo.host.host import Files
from redistopo.host.node_disk import read_disk
from redistopo.model.protocol.replies import count_keys
from redistopo.model.state.stop_record import StopRecord
from redistopo.model.topology.project_paths import Layout


def load_stop_record(files: Files, layout: Layout, node: str) -> StopRecord | None:
    """Load what was recorded when the node was stopped; None if it was started since, or if the
    file is damaged."""
    text = files.read(layout.stopped(node))
    try:
        found = json.loads(text) if text else None
        return StopRecord(**found) if isinstance(found, dict) and _valid(found) else None
    except (ValueError, TypeError, RecursionError):
        return None


def _valid(found: dict[str, Any]) -> bool:
    sizes = found.get("files", {})
    numbers = [found.get("keys"), found.get("offset"), found.get("promoted_at", -1)]
    return isinstance(sizes, dict) and all(
        isinstance(one, int) for one in (*numbers, *sizes.values())
    )


def save_stop_record(
    files: Files, layout: Layout, node: str, info: Mapping[str, str], *, saved: bool
) -> None:
    """Record a node that has ended: its last INFO, and the sizes of its data files."""
    role = info.get("role", "")
    offset = info.get("slave_repl_offset" if role == "slave" else "master_repl_offset", "0")
    record = StopRecord(
        role=role,
        keys=count_keys(info),
        offset=int(offset),
        replication_id=info.get("master_replid", ""),
        previous_id=info.get("master_replid2", ""),
        promoted_at=int(info.get("second_repl_offset", -1)),
        saved=saved,
        files=_sizes(files, layout, node),
    )
    path = layout.stopped(node)
    files.private_folder(path.parent)
    files.write(path, json.dumps(asdict(record), indent=1) + "\n")


def _sizes(files: Files, layout: Layout, node: str) -> dict[str, int]:
    disk = read_disk(files, layout.node(node), ended=False)
    suffixes = (".rdb", ".aof", ".manifest")
    return {
        name: one.size
        for name, one in disk.files.items()
        if one.snapshot is not None or name.endswith(suffixes)
    }


def forget_stop_record(files: Files, layout: Layout, node: str) -> None:
    """Remove the record of a node that is about to be started."""
    path = layout.stopped(node)
    if files.status(path):
        files.remove(path)
