"""Names and ports through any sequence of edits: what a node is never changes."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.errors import UsageError
from redistopo.model.planning.node_numbers import number_nodes, with_new_nodes, with_removed
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import make_plan
from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.state.record import RecordedNode, TopologyState
from redistopo.model.topology.parse import parse_topology
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Topology

LAYOUT = Layout(Path("/project"))
ENGINE = Engine(product=Product.REDIS, version=Version(7, 0, 15), path="/bin/redis-server", cli="")
FILES = st.fixed_dictionaries(
    {
        "shards": st.integers(1, 5),
        "replicas": st.integers(0, 3),
        "blocked": st.sets(st.integers(7000, 7030), max_size=9),
    }
)
"""What an edit of the file asks for, and the ports that other programs use then."""


def _topology(shape: str, **keys: object) -> Topology:
    made, problems = parse_topology({"format": 1, "shape": shape, **keys})
    assert made is not None, problems
    return made


def _record(shape: str, *nodes: tuple[str, int], removed: tuple[str, ...] = ()) -> TopologyState:
    return TopologyState(
        id="1",
        name="t",
        shape=shape,
        created="",
        formed=True,
        nodes=tuple(RecordedNode(name=name, host="127.0.0.1", port=port) for name, port in nodes),
        removed=removed,
        port=7000,
    )


def _named(topology: Topology, record: TopologyState, *busy: int) -> list[tuple[str, int]]:
    found = number_nodes(topology, record, lambda port: "busy" if port in busy else "")
    return [(one.name, one.endpoint.port) for one in (*found.data, *found.sentinels)]


FORMED = [("node1", 7000), ("node2", 7001)]


@pytest.mark.parametrize(
    ("nodes", "removed", "replicas", "busy", "wanted"),
    [
        (FORMED, (), 1, (), FORMED),
        (FORMED, (), 2, (), [*FORMED, ("node3", 7002)]),
        (FORMED, ("node3",), 2, (), [*FORMED, ("node4", 7003)]),
        (FORMED, (), 3, (7002,), [*FORMED, ("node3", 7003), ("node4", 7004)]),
        # fewer in the file: which one goes is decided from roles, not here
        (FORMED, (), 0, (), FORMED),
        ([("node2", 7001), ("node5", 7004)], ("node1",), 2, (), [
            ("node2", 7001), ("node5", 7004), ("node6", 7005),
        ]),
    ],
)  # fmt: skip
def test_new_names_follow_all_that_ever_were(
    nodes: list[tuple[str, int]],
    removed: tuple[str, ...],
    replicas: int,
    busy: tuple[int, ...],
    wanted: list[tuple[str, int]],
) -> None:
    topology = _topology("replication", port=7000, replicas=replicas)
    assert _named(topology, _record("replication", *nodes, removed=removed), *busy) == wanted


def test_another_port_in_the_file_moves_all_by_the_difference() -> None:
    record = _record("replication", ("node2", 7001), ("node5", 7009), removed=("node1",))
    topology = _topology("replication", port=8000, replicas=1)
    assert _named(topology, record) == [("node2", 8001), ("node5", 8009)]


def test_a_bus_port_is_kept_free_too() -> None:
    record = _record("cluster", ("node1", 7000))
    topology = _topology("cluster", port=7000, shards=2, replicas=0)
    assert _named(topology, record, 17001)[1] == ("node2", 7002)


def test_no_port_is_left() -> None:
    record = _record("replication", ("node1", 65535))
    with pytest.raises(UsageError, match="no port is free for node2"):
        number_nodes(_topology("replication", port=65535, replicas=1), replace(record, port=65535))


@given(st.lists(FILES, min_size=1, max_size=6), st.randoms())
def test_any_edits_leave_each_node_its_address_and_folder(
    files: list[dict[str, Any]], rng: random.Random
) -> None:
    record: TopologyState | None = None
    known: dict[str, tuple[int, Path]] = {}
    gone: set[str] = set()
    for some in files:
        blocked = some.pop("blocked")
        topology = _topology("cluster", port=7000, **some)
        made = _planned(topology, record, blocked if record else set())
        now = {node.name: (node.port, node.folder.root) for node in made.nodes}
        assert len(set(now.values())) == len(now) >= topology.size
        assert not gone & now.keys()
        assert all(now[name] == place for name, place in known.items())
        record = _formed(made, record)
        # any nodes may be those that leave
        names = sorted(now)
        rng.shuffle(names)
        leaving = names[topology.size :]
        record = with_removed(made, record, leaving)
        gone |= {*leaving}
        known = {name: place for name, place in now.items() if name not in gone}


def _planned(topology: Topology, record: TopologyState | None, blocked: set[int]) -> Plan:
    numbered = number_nodes(topology, record, lambda port: "busy" if port in blocked else "")
    return make_plan(topology, LAYOUT, ENGINE, "", numbered)


def _formed(made: Plan, record: TopologyState | None) -> TopologyState:
    return with_new_nodes(made, record or _record("cluster"))
