"""The [adopted] table: servers that run already; every problem with its key."""

from collections.abc import Mapping

import pytest
from jsonschema import Draft202012Validator

from redistopo.errors import UsageError
from redistopo.model.planning.node_numbers import number_nodes
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.topology.schema import schema
from redistopo.model.topology.spec import Adopted, Shape, Topology
from redistopo.project.load import checked, read_topology
from redistopo.render.topology_file import topology_file

GOOD: dict[str, object] = {"format": 1, "shape": "cluster", "shards": 1}
ONE = {"node1": "10.0.0.1:6379"}


def test_the_nodes_are_those_of_the_table_in_the_order_of_their_numbers() -> None:
    table = {"node10": "10.0.0.1:6380", "sentinel1": "[::1]:26379", "node2": "redis.example:6379"}
    keys = {"shape": "sentinel", "adopted": {**table, "user": "ops"}}
    topology = checked({"format": 1, **keys}, "redistopo.toml")
    assert topology.adopted is not None
    assert topology.adopted.user == "ops"
    assert (topology.size, topology.sentinels, topology.quorum) == (2, 1, 1)
    numbered = number_nodes(topology)
    assert [(one.name, one.endpoint) for one in numbered.data] == [
        ("node2", Endpoint("redis.example", 6379)),
        ("node10", Endpoint("10.0.0.1", 6380)),
    ]
    assert [one.endpoint for one in numbered.sentinels] == [Endpoint("::1", 26379)]


BAD: list[tuple[Mapping[str, object], str, str]] = [
    ({"adopted": "node1"}, "adopted", "must be a table"),
    ({"adopted": {}}, "adopted", "names no server"),
    ({"adopted": {"sentinel1": "10.0.0.1:26379"}}, "adopted", "names no server"),
    ({"adopted": {**ONE, "usr": "me"}}, "adopted.usr", "did you mean user?"),
    ({"adopted": {**ONE, "user": "a b"}}, "adopted.user", "without spaces"),
    ({"adopted": {**ONE, "node02": "10.0.0.1:1"}}, "adopted.node02", "node1, node2"),
    ({"adopted": {"node1": 6379}}, "adopted.node1", "must be a string"),
    ({"adopted": {"node1": "6379"}}, "adopted.node1", "an address and a port"),
    ({"adopted": {"node1": "10.0.0.300:6379"}}, "adopted.node1", "an address and a port"),
    ({"adopted": {"node1": "a b:6379"}}, "adopted.node1", "an address and a port"),
    ({"adopted": {"node1": "10.0.0.1:70000"}}, "adopted.node1", "an address and a port"),
    ({"adopted": {"node1": "0.0.0.0:6379"}}, "adopted.node1", "an address and a port"),
    ({"adopted": {"node1": "::1:6379"}}, "adopted.node1", "an address and a port"),
    ({"adopted": {**ONE, "node2": "10.0.0.1:6379"}}, "adopted.node2", "as node1"),
    ({"adopted": ONE, "port": 7000}, "port", "together with [adopted]"),
    ({"adopted": ONE, "hosts": {"h1": {"address": "10.0.0.1"}}}, "hosts", "with [adopted]"),
    ({"adopted": ONE, "acl": True}, "acl", "together with [adopted]"),
    ({"adopted": ONE, "shards": 2}, "shards", "has 1 data nodes"),
    ({"adopted": ONE, "nodes": {"node2": {"hz": 20}}}, "nodes.node2", "not a node"),
    ({"adopted": ONE, "redis": {"requirepass": "x"}}, "redis.requirepass", "itself"),
]


@pytest.mark.parametrize(("change", "key", "part"), BAD, ids=[f"{k}: {p}" for _, k, p in BAD])
def test_a_problem_names_its_key(change: Mapping[str, object], key: str, part: str) -> None:
    with pytest.raises(UsageError) as raised:
        checked({**GOOD, **change}, "redistopo.toml")
    lines = raised.value.detail.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{key}: ")
    assert part in lines[0]


@pytest.mark.parametrize("user", ["", "ops"])
def test_a_written_file_is_read_as_the_same_topology(user: str) -> None:
    servers = {"node1": Endpoint("10.0.0.1", 6379), "node3": Endpoint("::1", 6380)}
    topology = Topology(
        name="shop",
        shape=Shape.REPLICATION,
        port=6379,
        shards=1,
        replicas=1,
        redis={"maxmemory": ("64mb",), "save": ("900 1", "60 10")},
        nodes={"node3": {"appendonly": ("yes",)}},
        adopted=Adopted(servers=servers, user=user),
    )
    text = topology_file(topology, ["what nobody\nsees"])
    assert "# Not known: what" in text
    assert read_topology(text, "redistopo.toml") == topology


def test_the_schema_accepts_the_table() -> None:
    validator = Draft202012Validator(schema())
    assert validator.is_valid({**GOOD, "adopted": {**ONE, "user": "me"}})
    assert not validator.is_valid({**GOOD, "adopted": {"node1": 6379}})
    assert not validator.is_valid({**GOOD, "adopted": {"first": "10.0.0.1:6379"}})
