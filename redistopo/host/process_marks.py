"""The process mark of each node: a file in the node's folder."""

import json
from dataclasses import asdict
from pathlib import Path

from redistopo.host.files import private_folder, read_json, remove, write_private
from redistopo.model.state.record import ProcessMark
from redistopo.model.topology.project_paths import Layout


def save_process_mark(path: Path, mark: ProcessMark) -> None:
    """Write a process mark to a file."""
    private_folder(path.parent)
    write_private(path, json.dumps(asdict(mark)) + "\n")


def load_process_mark(path: Path) -> ProcessMark | None:
    """Read the mark in a file; None if there is none, or if it is damaged."""
    values = read_json(path)
    try:
        mark = ProcessMark(**values) if values is not None else None
    except TypeError:
        return None
    if mark is None or not isinstance(mark.pid, int) or not 0 <= mark.pid < 2**31:
        return None
    texts = (mark.node, mark.boot, mark.executable, mark.config)
    return mark if all(isinstance(one, str) for one in texts) else None


def remove_process_mark(layout: Layout, node: str) -> None:
    """Remove a node's process mark."""
    remove(layout.node(node).process, missing_ok=True)
