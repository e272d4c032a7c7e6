"""Turns the files of a snapshot into a stopped topology with that data, which `up` then starts.

Each file is placed where its primary loads it: with `appendonly yes`, a server ignores dump.rdb, so
the file becomes the base of an append-only log. Replicas start empty, and sync.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from redistopo.host.files import private_folder, remove, write_private
from redistopo.host.large_files import copy_file
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.conf import quote_argument, read_conf
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.protocol.data_files import data_file_name, logs
from redistopo.model.protocol.nodes_conf import NodesConfEntry, format_nodes_conf
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.record import TopologyState
from redistopo.model.topology.project_paths import NodeFolder
from redistopo.project.topology_record import new_record
from redistopo.quick_dataclass import dataclass
from redistopo.render.conf import node_conf
from redistopo.snapshot.manifest import Manifest

Place = Callable[[Path, Path], None]
"""Puts a file at another path: a copy, or a second name."""


def fits(plan: Plan, manifest: Manifest) -> bool:
    """Return whether each file is the data of one shard of the plan."""
    clustered = manifest.shape == "cluster"
    return clustered == plan.topology.clustered and len(manifest.shards) == len(plan.shards)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Where files are placed: `nodes` is a folder with one for each node, beside the one of the
    topology, and `place` puts a file of the snapshot, by its name, at a path."""

    plan: Plan
    credentials: Credentials
    nodes: Path
    place: Callable[[str, Path], None]


def place_data(placing: Placing, manifest: Manifest) -> None:
    """Write each primary's data, and each cluster node's nodes.conf."""
    plan, slots = placing.plan, {}
    for node in plan.nodes:
        private_folder(placing.nodes / node.name)
    for shard, saved in zip(plan.shards, manifest.shards, strict=True):
        slots[shard.primary] = saved.ranges
        _place_file(placing, plan.node(shard.primary), saved.file)
    for name, text in _tables(plan, slots).items() if plan.topology.clustered else ():
        write_private(NodeFolder(placing.nodes / name).table, text)


def _place_file(placing: Placing, node: NodePlan, file: str) -> None:
    folder = placing.nodes / node.name
    conf = read_conf(node_conf(placing.plan, node, placing.credentials))
    if not logs(conf):
        placing.place(file, folder / data_file_name(conf, "dbfilename"))
        return
    name = data_file_name(conf, "appendfilename")
    if not placing.plan.engine.knows("appenddirname"):
        # before Redis 7.0, the log is one file, which may begin with an RDB part, and grows
        copied = folder / f".{name}"
        placing.place(file, copied)
        copy_file(copied, folder / name)
        remove(copied)
        return
    log = folder / data_file_name(conf, "appenddirname")
    private_folder(log)
    base = f"{name}.1.base.rdb"
    placing.place(file, log / base)
    write_private(log / f"{name}.manifest", f"file {quote_argument(base)} seq 1 type b\n")


def _tables(plan: Plan, slots: Mapping[str, tuple[SlotRange, ...]]) -> dict[str, str]:
    """Node -> its nodes.conf, with new ids, each node in its planned role, and these slots."""
    ids = {node.name: secrets.token_hex(20) for node in plan.nodes}
    shards = {shard.number: secrets.token_hex(20) for shard in plan.shards}
    other = "tcp" if plan.topology.tls else "tls"
    entries = {}
    for node in plan.nodes:
        place = f"{node.host}:{node.port}@{node.bus_port}"
        if plan.engine.keeps_shard_ids:
            place += f",,{other}-port=0,shard-id={shards[node.shard]}"
        entries[node.name] = NodesConfEntry(
            id=ids[node.name],
            place=place,
            flags=("slave",) if node.follows else ("master",),
            primary=ids[node.follows] if node.follows else "-",
            epoch=node.shard,
            slots=() if node.follows else tuple(map(str, slots[node.name])),
        )
    return {
        name: format_nodes_conf(
            replace(mine, flags=("myself", *mine.flags)),
            (one for other_name, one in entries.items() if other_name != name),
            len(plan.shards),
        )
        for name, mine in entries.items()
    }


def restored_record(plan: Plan, manifest: Manifest, topology_id: str = "") -> TopologyState:
    """Return the record of a formed topology with the data of a snapshot; it gets a new id if none
    is given."""
    record = replace(new_record(plan, formed=True), engine=manifest.engine)
    return replace(record, id=topology_id) if topology_id else record
