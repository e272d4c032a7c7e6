"""Nodes over several machines: apart by shard and zone, evenly, and never moved again."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.errors import UsageError
from redistopo.model.planning.even_assignment import assign_evenly
from redistopo.model.planning.node_numbers import Shards, number_nodes, recorded_nodes
from redistopo.model.planning.plan import FormationMethod, Plan
from redistopo.model.planning.plan_nodes import make_plan
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.credentials import Credentials, Login
from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.state.record import TopologyState
from redistopo.model.topology.hosts import Hosts, Machine
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Shape, Topology, shape_defaults
from redistopo.project.topology_state_file import load_topology_state, save_record
from redistopo.render.conf import node_conf, sentinel_conf

LAYOUT = Layout(Path("/project"))
ENGINE = Engine(product=Product.REDIS, version=Version(7, 0, 15), path="/r", cli="/c")


def _hosts(*zones: str, **more: object) -> Hosts:
    machines = (
        Machine(name=f"h{n}", address=f"10.0.0.{n}", zone=zone)
        for n, zone in enumerate(zones, start=1)
    )
    return replace(Hosts(machines=tuple(machines)), **more)  # type: ignore[arg-type]


def _topology(shape: str, hosts: Hosts | None, **keys: int) -> Topology:
    values = {**shape_defaults(Shape(shape)), **keys}
    return Topology(**values, shape=Shape(shape), hosts=hosts)  # type: ignore[arg-type]


def _plan(topology: Topology, record: TopologyState | None = None, shards: Shards = ()) -> Plan:
    numbered = number_nodes(topology, record, shards=shards)
    return make_plan(topology, LAYOUT, ENGINE, "", numbered)


def _record(plan: Plan) -> TopologyState:
    return TopologyState(
        id="1",
        name="t",
        shape=plan.topology.shape,
        created="",
        formed=True,
        nodes=recorded_nodes(plan),
        port=plan.topology.port,
        sentinel_port=plan.topology.first_sentinel if plan.sentinels else 0,
    )


def _text(plan: Plan) -> list[str]:
    """Each shard as ``h1 h2``, its primary first; then the Sentinels."""
    shards = [[one.primary, *one.replicas] for one in plan.shards]
    watching = [node.name for node in plan.sentinels]
    groups = (*shards, watching) if watching else shards
    return [" ".join(plan.node(name).machine for name in some) for some in groups]


# The shape's numbers, the machines' zones, and where each shard's nodes are.
TABLE: list[tuple[str, dict[str, int], tuple[str, ...], list[str]]] = [
    ("cluster", {"shards": 3, "replicas": 1}, ("", "", ""), ["h1 h2", "h2 h3", "h3 h1"]),
    ("cluster", {"shards": 3, "replicas": 0}, ("", ""), ["h1", "h2", "h1"]),
    (
        "cluster",
        {"shards": 3, "replicas": 1},
        ("a", "a", "b", "b"),
        ["h1 h4", "h3 h1", "h2 h3"],
    ),
    ("cluster", {"shards": 2, "replicas": 2}, ("a", "b", "c"), ["h1 h3 h2", "h2 h1 h3"]),
    ("replication", {"replicas": 2}, ("a", "a", "b"), ["h1 h3 h2"]),
    ("sentinel", {"replicas": 2, "sentinels": 3}, ("", "", ""), ["h1 h2 h3", "h1 h2 h3"]),
    ("sentinel", {"replicas": 1, "sentinels": 3}, ("", "", "", ""), ["h1 h2", "h3 h4 h1"]),
    ("standalone", {}, ("", ""), ["h1"]),
]


@pytest.mark.parametrize(("shape", "keys", "zones", "expected"), TABLE)
def test_nodes_are_placed(
    shape: str, keys: dict[str, int], zones: tuple[str, ...], expected: list[str]
) -> None:
    assert _text(_plan(_topology(shape, _hosts(*zones), **keys))) == expected


def test_a_plan_has_addresses_ports_and_folders_of_its_machines() -> None:
    plan = _plan(_topology("cluster", _hosts("", "", "")))
    found = {node.name: (node.address, node.bus_port) for node in plan.nodes}
    assert found == {
        "node1": ("10.0.0.1:7000", 17000),
        "node2": ("10.0.0.2:7000", 17000),
        "node3": ("10.0.0.3:7000", 17000),
        "node4": ("10.0.0.2:7001", 17001),
        "node5": ("10.0.0.3:7001", 17001),
        "node6": ("10.0.0.1:7001", 17001),
    }
    assert plan.formation.method is FormationMethod.INSTANT
    node = plan.node("node6")
    assert str(node.home) == "/var/lib/redistopo/redis/nodes/node6"
    assert str(node.certificates.node(node.name)) == "/var/lib/redistopo/redis/tls/node6.pem"
    assert node.folder == LAYOUT.node("node6")


def test_without_hosts_the_home_is_the_folder() -> None:
    node = _plan(_topology("cluster", None)).node("node1")
    assert (node.machine, node.home) == ("", node.folder.root)
    assert node.certificates == LAYOUT.tls


REFUSED: list[tuple[str, dict[str, int], int, dict[str, str], str]] = [
    ("cluster", {"replicas": 2}, 2, {}, "3 shards x 2 replicas need 3 hosts, 2 are there"),
    ("replication", {"replicas": 1}, 1, {}, "1 shard x 1 replica need 2 hosts, 1 is there"),
    ("sentinel", {"sentinels": 5}, 3, {}, "5 Sentinels need 5 hosts, 3 are there"),
    ("cluster", {}, 3, {"node1": "h2", "node4": "h2"}, "node1 and node4 are nodes of one shard"),
    ("sentinel", {}, 3, {"sentinel1": "h1", "sentinel2": "h1"}, "sentinel2 are Sentinels"),
    ("cluster", {}, 0, {}, "no machine is known"),
]


@pytest.mark.parametrize(("shape", "keys", "count", "pins", "text"), REFUSED)
def test_what_cannot_be_placed_is_refused_unless_allowed(
    shape: str, keys: dict[str, int], count: int, pins: dict[str, str], text: str
) -> None:
    hosts = _hosts(*[""] * count, pins=pins)
    with pytest.raises(UsageError) as raised:
        _plan(_topology(shape, hosts, **keys))
    assert text in raised.value.message
    assert "[hosts" in raised.value.hint
    if count:
        plan = _plan(_topology(shape, replace(hosts, allow_colocated=True), **keys))
        assert all(plan.node(name).machine == pin for name, pin in pins.items())


def test_five_sentinels_on_four_hosts_use_three() -> None:
    hosts = _hosts("", "", "", "", allow_colocated=True)
    plan = _plan(_topology("sentinel", hosts, sentinels=5))
    held = Counter(node.machine for node in plan.sentinels)
    assert sorted(held.values()) == [1, 2, 2]


def test_a_machine_with_data_stays_in_the_file() -> None:
    record = _record(_plan(_topology("cluster", _hosts("", "", ""))))
    fewer = replace(_hosts("", "", ""), machines=_hosts("", "", "").machines[:2])
    with pytest.raises(UsageError, match="node3 is on h3, which is not one of the machines"):
        _plan(_topology("cluster", fewer), record)
    pinned = _hosts("", "", "", pins={"node1": "h2"})
    with pytest.raises(UsageError, match="node1 is on h1, but the file places it on h2"):
        _plan(_topology("cluster", pinned), record)
    with pytest.raises(UsageError, match=r"node1 is on h1, and the topology file has no \[hosts\]"):
        _plan(_topology("cluster", None), record)
    local = _record(_plan(_topology("cluster", None)))
    with pytest.raises(UsageError, match="node1 is on this machine"):
        _plan(_topology("cluster", _hosts("", "", "")), local)


def test_a_machine_with_another_address_keeps_its_nodes() -> None:
    before = _plan(_topology("cluster", _hosts("", "", "")))
    moved = _hosts("", "", "")
    swapped = (Machine(name="h1", address="10.9.9.9"), *moved.machines[1:])
    after = _plan(_topology("cluster", replace(moved, machines=swapped)), _record(before))
    assert [one.machine for one in after.nodes] == [one.machine for one in before.nodes]
    assert after.node("node1").address == "10.9.9.9:7000"


SIZES = st.fixed_dictionaries(
    {"shards": st.integers(1, 9), "replicas": st.integers(0, 3)},
    optional={"sentinels": st.integers(1, 5)},
)
ZONES = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), min_size=1, max_size=9)


def _sized(sizes: Mapping[str, int], hosts: Hosts) -> Topology:
    if "sentinels" in sizes:
        return _topology("sentinel", hosts, **{**sizes, "shards": 1})
    return _topology("cluster", hosts, **sizes)


@given(SIZES, ZONES)
def test_every_placement_keeps_its_promises(sizes: dict[str, int], zones: list[str]) -> None:
    hosts = _hosts(*zones)
    topology = _sized(sizes, hosts)
    if len(zones) < max(1 + topology.replicas, topology.sentinels):
        with pytest.raises(UsageError, match="need"):
            _plan(topology)
        return
    plan = _plan(topology)
    zone = {one.name: one.zone for one in hosts.machines}
    for shard in plan.shards:
        at = [plan.node(name).machine for name in (shard.primary, *shard.replicas)]
        assert len({*at}) == len(at)
        if "" not in zones and len({*zones}) >= len(at):
            assert len({zone[name] for name in at}) == len(at)
    _assert_spread(plan, "" not in zones and len({*zones}) > 1)
    assert len({node.endpoint for node in plan.nodes}) == len(plan.nodes)
    for node in plan.nodes:
        assert node.host == hosts.machine(node.machine).address
    watching = [node.machine for node in plan.sentinels]
    assert len({*watching}) == len(watching)


def _assert_spread(plan: Plan, zoned: bool) -> None:
    """Primaries evenly, so that no machine has most of them if three share them; all nodes evenly
    if no zone forbids it."""
    names = [one.name for one in plan.topology.hosts.machines] if plan.topology.hosts else []
    for nodes, free in ((plan.primaries, True), (plan.data, not zoned)):
        held = Counter(dict.fromkeys(names, 0))
        held.update(node.machine for node in nodes)
        assert not free or max(held.values()) - min(held.values()) <= 1
    most = Counter(node.machine for node in plan.primaries).most_common(1)[0][1]
    if len(names) >= 3 and len(plan.primaries) >= 3:
        assert most * 2 <= len(plan.primaries) or most == 1


@given(
    SIZES,
    ZONES,
    st.lists(st.sampled_from(["", "a", "e"]), max_size=3),
    st.integers(0, 3),
    st.integers(0, 2),
)
def test_placed_nodes_stay_when_machines_and_nodes_are_added(
    sizes: dict[str, int], zones: list[str], more: list[str], shards: int, replicas: int
) -> None:
    """And new ones are on other hosts than the nodes of the shards that they join."""
    topology = _sized(sizes, _hosts(*zones, allow_colocated=True))
    before = _plan(topology)
    grown = replace(topology, hosts=_hosts(*zones, *more, allow_colocated=True))
    if topology.clustered:
        grown = replace(grown, shards=topology.shards + shards)
    if topology.shape is not Shape.STANDALONE:
        grown = replace(grown, replicas=topology.replicas + replicas)
    old = [[one.primary, *one.replicas] for one in before.shards]
    after = _plan(grown, _record(before), old)
    at = {node.name: (node.machine, node.endpoint) for node in after.nodes}
    assert {node.name: (node.machine, node.endpoint) for node in before.nodes}.items() <= at.items()
    assert len({node.endpoint for node in after.nodes}) == grown.count
    new = [node.name for node in after.data if node.name not in _names(before)]
    groups = [*old, *([] for _ in range(shards if topology.clustered else 0))]
    for name in new:
        min(groups, key=len).append(name)
    if len(zones) + len(more) > topology.replicas + replicas:
        used = [[at[one][0] for one in some] for some in groups]
        was = [len(some) - len({*some}) for some in used[: len(old)]]
        if not any(was):
            assert all(len({*some}) == len(some) for some in used)


def _names(plan: Plan) -> set[str]:
    return {node.name for node in plan.nodes}


def test_sixty_nodes_on_thirty_hosts_are_planned_at_once() -> None:
    topology = _topology("cluster", _hosts(*["a", "b", "c"] * 10), shards=30, replicas=1)
    began = time.process_time()
    plan = _plan(topology)
    assert time.process_time() - began < 0.2
    assert {*Counter(node.machine for node in plan.nodes).values()} == {2}


@given(
    st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=5, unique=True), max_size=6),
    st.dictionaries(st.integers(0, 4), st.integers(0, 3)),
)
def test_an_assignment_is_as_even_as_possible(
    choices: list[list[int]], loads: dict[int, int]
) -> None:
    def cost(places: list[int]) -> int:
        held = Counter(loads)
        held.update(places)
        return sum(one * one for one in held.values())

    found = assign_evenly(choices, loads)
    assert all(one in some for one, some in zip(found, choices, strict=True))
    every: list[list[int]] = [[]]
    for some in choices:
        every = [[*one, place] for one in every for place in some]
    assert cost(found) == min(map(cost, every))


def test_a_record_names_machines_only_if_there_are_any(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.state.mkdir()
    for hosts, version in ((_hosts("", "", ""), 3), (None, 1)):
        record = replace(_record(_plan(_topology("cluster", hosts))), id="0" * 16)
        save_record(layout, record)
        loaded = load_topology_state(layout)
        assert loaded is not None
        assert (loaded.nodes, loaded.format) == (record.nodes, version)
        text = layout.record.read_text()
        assert f'"format": {version}' in text
        assert ('"machine"' in text) is (hosts is not None)


def test_paths_and_addresses_in_a_configuration_are_those_of_the_machine() -> None:
    plan = _plan(_topology("sentinel", _hosts("", "", "", base="/srv/x")))
    own = Login(password="p")
    conf = read_conf(node_conf(plan, plan.node("node2"), Credentials(own=own, application=own)))
    assert conf["bind"] == ("10.0.0.2",)
    assert conf["dir"] == ("/srv/x/nodes/node2",)
    assert conf["replicaof"] == ("10.0.0.1 6379",)
    watching = sentinel_conf(plan, plan.sentinels[2], Credentials(own=own, application=own))
    assert read_conf(watching)["bind"] == ("10.0.0.3",)
    assert "sentinel monitor redis 10.0.0.1 6379 2" in watching
