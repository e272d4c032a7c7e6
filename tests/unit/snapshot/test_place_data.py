"""The stopped cluster that a snapshot becomes: all nodes know the same nodes, roles and slots."""

from dataclasses import replace
from pathlib import Path

import pytest

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import make_plan
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.protocol.nodes_conf import parse_nodes_conf
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Shape, Topology
from redistopo.snapshot.manifest import Manifest, ShardFile
from redistopo.snapshot.place_data import Placing, fits, place_data

SLOTS = [((0, 99), (200, 8000)), ((100, 199), (8001, 16383))]


def _shard(number: int, slots: tuple[tuple[int, int], ...]) -> ShardFile:
    return ShardFile(
        number=number, file=f"shard{number}.rdb", bytes=9, sha256="", slots=slots, node="node1",
        role="primary", engine="", replication_id="", offset=0, taken=0.0, keys={}, expiring=0,
    )  # fmt: skip


MANIFEST = Manifest(
    name="one", created="", topology_id="", topology_name="t", shape="cluster", engine="",
    consistency="per shard", paused_ms=None, topology_sha256="",
    shards=tuple(_shard(number, some) for number, some in enumerate(SLOTS, start=1)),
)  # fmt: skip


def _plan(root: Path, version: Version, **keys: object) -> Plan:
    values = {"name": "t", "shape": Shape.CLUSTER, "port": 7000, "shards": 2, "replicas": 2}
    topology = Topology(**{**values, **keys})
    engine = Engine(product=Product.REDIS, version=version, path="/bin/false")
    return make_plan(topology, Layout(root), engine, "")


def _placed(root: Path, plan: Plan) -> dict[str, list[str]]:
    """Each file that was placed, with its node."""
    files: dict[str, list[str]] = {}

    def place(name: str, to: Path) -> None:
        to.write_text(name)

    credentials = single_credential(Login(password="x"))
    place_data(Placing(plan=plan, credentials=credentials, nodes=root, place=place), MANIFEST)
    for path in sorted(root.rglob("*")):
        if path.is_file():
            node, _, rest = str(path.relative_to(root)).partition("/")
            files.setdefault(node, []).append(rest)
    return files


@pytest.mark.parametrize("version", [Version(6, 2), Version(7, 0), Version(8, 2)])
def test_all_nodes_agree_and_primaries_have_the_slots_of_the_snapshot(
    tmp_path: Path, version: Version
) -> None:
    plan = _plan(tmp_path / "project", version)
    nodes = tmp_path / "nodes"
    files = _placed(nodes, plan)
    log = ["appendonly.aof"]
    if version >= Version(7, 0):
        folder = "appendonlydir/appendonly.aof"
        log = [f"{folder}.1.base.rdb", f"{folder}.manifest"]
    for node in plan.nodes:
        assert files[node.name] == [*([] if node.follows else log), "nodes.conf"]
    tables = {
        node.name: parse_nodes_conf((nodes / node.name / "nodes.conf").read_text(), node.address)
        for node in plan.nodes
    }
    views = set()
    for name, table in tables.items():
        assert table
        mine = next(one for one in table.entries if "myself" in one.flags)
        assert mine.address == plan.node(name).address
        assert len({one.epoch for one in table.entries if one.is_primary}) == len(plan.shards)
        views.add(frozenset((one.id, one.address, one.primary, one.slots) for one in table.entries))
        for one in table.entries:
            planned = plan.at(one.address)
            assert planned
            assert one.is_primary is not bool(planned.follows)
            wanted = SLOTS[planned.shard - 1] if one.is_primary else ()
            assert one.ranges == tuple(SlotRange(*some) for some in wanted)
    assert len(views) == 1
    if version >= Version(7, 0):
        text = (nodes / "node1" / f"{folder}.manifest").read_text()
        assert text == "file appendonly.aof.1.base.rdb seq 1 type b\n"


@pytest.mark.parametrize(("persistence", "name"), [("rdb", "dump.rdb"), ("none", "mine.rdb")])
def test_without_a_log_the_file_is_where_the_server_loads_it(
    tmp_path: Path, persistence: str, name: str
) -> None:
    from redistopo.model.topology.spec import Persistence

    named = {"dbfilename": ("mine.rdb",)} if name == "mine.rdb" else {}
    plan = _plan(
        tmp_path, Version(7, 0), persistence=Persistence(persistence), redis=named, replicas=0
    )
    assert _placed(tmp_path / "nodes", plan)["node1"] == sorted([name, "nodes.conf"])


def test_files_fit_the_same_number_of_shards_only(tmp_path: Path) -> None:
    assert fits(_plan(tmp_path, Version(7, 0), replicas=0), MANIFEST)
    assert not fits(_plan(tmp_path, Version(7, 0), shards=3), MANIFEST)
    alone = replace(MANIFEST, shape="standalone", shards=MANIFEST.shards[:1])
    single = _plan(tmp_path, Version(7, 0), shape=Shape.REPLICATION, shards=1)
    assert fits(single, alone)
    assert not fits(_plan(tmp_path, Version(7, 0), shards=1), alone)
