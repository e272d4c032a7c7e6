"""A record of each node's process, in a file of the node's folder."""

import json
from dataclasses import asdict
from pathlib import Path

from redistopo.host.files import private_folder, read_json, write_errors, write_private
from redistopo.model.state.record import ProcessMark
from redistopo.model.topology.project_paths import Layout


def save_process_mark(path: Path, mark: ProcessMark) -> None:
    """The process is on record in that file."""
    private_folder(path.parent)
    write_private(path, json.dumps(asdict(mark)) + "\n")


def load_process_mark(path: Path) -> ProcessMark | None:
    """The mark in that file; None for none, or for one that is damaged."""
    said = read_json(path)
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
