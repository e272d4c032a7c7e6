"""What was last seen of the nodes on their machines, and the copies of it in the state folder."""

from collections.abc import Mapping
from typing import Any

from redistopo.host.fleet.fleet_file import FleetFile
from redistopo.host.fleet.own_copies import OwnCopies
from redistopo.host.fleet.seen import NodeSeen, RemoteProcess, node_seen
from redistopo.host.process_marks import load_process_mark, save_process_mark
from redistopo.model.state.record import ProcessMark
from redistopo.model.topology.project_paths import Layout

FRESH_SECONDS = 3.0
"""How long what was seen of a node that doesn't reply counts, or twice as long as it took to look:
polling would otherwise do nothing but that."""


class NodeSnapshot:
    """The nodes as they were seen, by name, until that is outdated."""

    def __init__(self, layout: Layout, copies: OwnCopies) -> None:
        self._layout, self._copies = layout, copies
        self._seen: dict[str, NodeSeen] = {}

    def get(self, node: str) -> NodeSeen | None:
        """Return what was last seen of a node; None if that doesn't count any more."""
        return self._seen.get(node)

    def drop(self, node: str) -> None:
        """What was seen of a node doesn't count any more."""
        self._seen.pop(node, None)

    def clear(self) -> None:
        """Nothing that was seen counts any more."""
        self._seen.clear()

    def clear_if_older(self, node: str, took: float) -> None:
        """Drop all that was seen if that node was seen too long ago; looking `took` so many
        seconds."""
        found = self._seen.get(node)
        if found is not None and found.age > max(FRESH_SECONDS, 2 * took):
            self.clear()

    def keep(self, file: FleetFile, result: Mapping[str, Any], *, marks: bool) -> None:
        """Keep what the module's `look` returned of a machine; with `marks`, servers that aren't on
        record are recorded: they were started by a start that was interrupted, or by hand."""
        for name in result["nodes"]:
            seen = self._seen[name] = node_seen(name, result)
            if marks and seen.process is not None and not self._recorded(seen.process):
                self.record(file, seen.process)
            self._copies.seen(name, seen.files)

    def _recorded(self, process: RemoteProcess) -> bool:
        known = load_process_mark(self._layout.node(process.node).process)
        return known is not None and (known.pid, known.started) == (process.pid, process.started)

    def record(self, file: FleetFile, process: RemoteProcess) -> None:
        """Record a node's process in the state folder."""
        folder = self._layout.node(process.node)
        mark = ProcessMark(
            node=process.node,
            pid=process.pid,
            started=process.started,
            boot=process.boot,
            executable=file.engine,
            config=f"{file.base}/{folder.config.relative_to(self._layout.state)}",
        )
        save_process_mark(folder.process, mark)
