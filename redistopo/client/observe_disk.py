"""Adds what a node's folder holds to what was observed of the node."""

from dataclasses import replace

from redistopo.host.host import Files
from redistopo.host.node_disk import read_disk
from redistopo.host.stop_record_files import load_stop_record
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.observed import NodeSeen
from redistopo.model.topology.project_paths import Layout


def with_disk(seen: NodeSeen, layout: Layout | None, files: Files) -> NodeSeen:
    """Add the folder; a node without a layout, which we didn't start, is returned as it is."""
    if layout is None:
        return seen
    stopped = None if seen.running else load_stop_record(files, layout, seen.name)
    disk = read_disk(files, layout.node(seen.name), ended=not seen.running, stopped=stopped)
    return replace(seen, disk=disk)


def with_disk_for_a_start(seen: NodeSeen, layout: Layout | None, files: Files) -> NodeSeen:
    """Add the folder of a node that doesn't run, and of a Sentinel, whose files have the ids of
    the others; of a data node that runs, its nodes.conf alone."""
    if layout is None or not seen.running or seen.is_sentinel:
        return with_disk(seen, layout, files)
    text = files.read(layout.node(seen.name).table)
    return replace(seen, disk=DiskSeen(nodes_conf=text))
