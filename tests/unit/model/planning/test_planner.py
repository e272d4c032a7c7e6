"""Plans: names, ports, shards and slots of any topology; the formation, and why."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import choose_formation, with_primary
from redistopo.model.protocol.engine import Engine
from redistopo.model.protocol.slots import format_ranges
from redistopo.model.state.observed import Role
from redistopo.model.topology.spec import Topology

Planned = Callable[..., Plan]


@st.composite
def keys(draw: st.DrawFn) -> dict[str, object]:
    """What a topology file of any size may say."""
    shape = draw(st.sampled_from(["cluster", "replication", "standalone"]))
    return {
        "shape": shape,
        "shards": draw(st.integers(1, 60)) if shape == "cluster" else 1,
        "replicas": 0 if shape == "standalone" else draw(st.integers(0, 10)),
        "port": draw(st.integers(1024, 50000)),
    }


@given(keys())
def test_nodes_have_names_and_folders_of_their_own(plan: Planned, keys: dict[str, object]) -> None:
    made = plan(**keys)
    assert len({node.name for node in made.nodes}) == made.topology.size
    assert len({node.folder for node in made.nodes}) == made.topology.size


@given(keys())
def test_no_port_is_planned_twice(plan: Planned, keys: dict[str, object]) -> None:
    ports = [port for node in plan(**keys).nodes for port in node.ports]
    assert len(set(ports)) == len(ports)


@given(keys())
def test_only_a_cluster_has_a_bus(plan: Planned, keys: dict[str, object]) -> None:
    made = plan(**keys)
    wanted = [node.port + 10000 if made.topology.clustered else 0 for node in made.nodes]
    assert [node.bus_port for node in made.nodes] == wanted


@given(keys())
def test_every_shard_has_a_primary_and_its_replicas(plan: Planned, keys: dict[str, object]) -> None:
    made = plan(**keys)
    assert len(made.shards) == keys["shards"]
    assert all(len(shard.replicas) == keys["replicas"] for shard in made.shards)
    members = [name for shard in made.shards for name in (shard.primary, *shard.replicas)]
    assert sorted(members) == sorted(node.name for node in made.nodes)


@given(keys())
def test_every_replica_follows_the_primary_of_its_shard(
    plan: Planned, keys: dict[str, object]
) -> None:
    made = plan(**keys)
    for shard in made.shards:
        primary = made.node(shard.primary)
        assert (primary.role, primary.follows, primary.shard) == (Role.PRIMARY, "", shard.number)
        for name in shard.replicas:
            node = made.node(name)
            assert (node.role, node.follows) == (Role.REPLICA, shard.primary)
            assert node.shard == shard.number


@given(keys())
def test_the_slots_of_a_cluster_are_shared_out_among_its_shards(
    plan: Planned, keys: dict[str, object]
) -> None:
    made = plan(**keys)
    total = sum(len(shard.slots) for shard in made.shards if shard.slots)
    assert total == (16384 if made.topology.clustered else 0)


@given(keys())
def test_the_primaries_come_first(plan: Planned, keys: dict[str, object]) -> None:
    made = plan(**keys)
    assert made.primaries == made.nodes[: len(made.shards)]


def test_nodes_are_numbered_as_redis_cli_does(plan: Planned) -> None:
    made = plan(shards=3, replicas=2)
    assert [
        f"{shard.primary} {' '.join(shard.replicas)} {format_ranges([shard.slots])}"
        for shard in made.shards
        if shard.slots
    ] == [
        "node1 node4 node7 0-5460",
        "node2 node5 node8 5461-10922",
        "node3 node6 node9 10923-16383",
    ]


def test_the_same_topology_has_the_same_plan(plan: Planned) -> None:
    assert plan(shards=4, replicas=1) == plan(shards=4, replicas=1)


def test_a_node_is_where_its_number_says(plan: Planned) -> None:
    node = plan(port=7000).node("node3")
    assert (node.address, node.ports) == ("127.0.0.1:7002", (7002, 17002))
    assert str(node.folder.config) == "/project/.redistopo/nodes/node3/redis.conf"


def test_a_node_that_is_not_planned_is_an_error(plan: Planned) -> None:
    with pytest.raises(KeyError):
        plan().node("node7")


def test_a_nodes_own_directives_go_before_those_of_all(plan: Planned) -> None:
    made = plan(redis={"maxmemory": "1gb", "hz": 10}, nodes={"node2": {"maxmemory": "2gb"}})
    assert made.node("node1").directives == {"maxmemory": ("1gb",), "hz": ("10",)}
    assert made.node("node2").directives == {"maxmemory": ("2gb",), "hz": ("10",)}


@pytest.mark.parametrize(
    ("redis", "policy"),
    [
        ({}, "noeviction, no limit"),
        ({"maxmemory": "0"}, "noeviction, no limit"),
        ({"maxmemory": "1gb"}, "noeviction, 1gb"),
        ({"maxmemory": "1gb", "maxmemory-policy": "allkeys-lru"}, "allkeys-lru, 1gb"),
    ],
)
def test_a_node_tells_what_happens_at_its_memory_limit(
    plan: Planned, redis: dict[str, object], policy: str
) -> None:
    assert plan(redis=redis).nodes[0].memory_policy == policy


# keys, whether the engine has a CLI, method, part of the reason
FORMATIONS: list[tuple[dict[str, object], bool, str, str]] = [
    ({"shape": "standalone"}, True, "none", "a single server"),
    ({"shape": "standalone", "formation": "instant"}, True, "none", "a single server"),
    ({"shape": "replication"}, True, "replicaof", "names its primary"),
    ({"shape": "replication", "formation": "redis-cli"}, True, "replicaof", "names its primary"),
    ({"formation": "redis-cli"}, True, "redis-cli", "set in the topology file"),
    ({"formation": "redis-cli"}, False, "redis-cli", "set in the topology file"),
    ({"formation": "instant"}, True, "instant", "set in the topology file"),
    ({"formation": "auto", "shards": 2}, True, "instant", "and this topology has 2"),
    ({"formation": "auto", "shards": 1}, True, "instant", "and this topology has 1"),
    ({"formation": "auto", "shards": 3}, False, "instant", "no redis-cli or valkey-cli"),
    ({"formation": "auto", "shards": 3}, True, "redis-cli", "3 or more shards and a CLI"),
]


@pytest.mark.parametrize(("keys", "cli", "method", "why"), FORMATIONS)
def test_the_formation_is_chosen_for_a_reason(
    topology: Callable[..., Topology],
    engine: Callable[..., Engine],
    keys: dict[str, object],
    cli: bool,
    method: str,
    why: str,
) -> None:
    choice = choose_formation(topology(**keys), engine(cli="/bin/redis-cli" if cli else ""))
    assert choice.method.value == method
    assert why in choice.why


@given(st.integers(1, 10), st.data())
def test_a_replication_led_by_another_node_follows_it(
    plan: Planned, replicas: int, data: st.DataObject
) -> None:
    made = plan("replication", replicas=replicas)
    primary = data.draw(st.sampled_from([node.name for node in made.nodes]))
    led = with_primary(made, primary)
    assert [node.name for node in led.primaries] == [primary]
    assert {node.follows for node in led.nodes if node.name != primary} == {primary}
    assert sorted((led.shards[0].primary, *led.shards[0].replicas)) == sorted(
        node.name for node in made.nodes
    )


def test_leading_a_cluster_changes_nothing(plan: Planned) -> None:
    made = plan()
    assert with_primary(made, "node4") is made
