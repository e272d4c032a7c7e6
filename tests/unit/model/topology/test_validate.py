"""Rules: what the keys of a topology file must mean together."""

from collections.abc import Callable

import pytest

from redistopo.model.topology.spec import Topology
from redistopo.model.topology.validate import OWNED, validate

Made = Callable[..., Topology]

# Keys, and the one problem: its key, and part of the text.
BAD: list[tuple[dict[str, object], str, str]] = [
    ({"shape": "replication", "shards": 2}, "shards", "replication has one shard"),
    ({"shape": "standalone", "shards": 3}, "shards", 'shape = "cluster" allows several'),
    ({"shape": "standalone", "replicas": 1}, "replicas", 'shape = "replication" has replicas'),
    ({"formation": "redis-cli", "shards": 2}, "formation", "fewer than 3"),
    ({"formation": "redis-cli", "shards": 1, "replicas": 0}, "formation", 'formation = "auto"'),
    # the bus of a cluster is at port + 10000, so the last port is 55535
    ({"port": 60000}, "port", "the highest port would be 70005; with 6 nodes and a bus"),
    ({"port": 55531}, "port", "must be 1024 to 55530"),
    ({"shape": "replication", "port": 65534}, "port", "with 3 nodes, must be 1024 to 65533"),
    ({"shards": 1000, "replicas": 10}, "port", "too many nodes"),
    ({"host": "1.2.3"}, "host", "one IP address"),
    ({"host": "::"}, "host", "without announce_host; servers give clients one address"),
    ({"host": "0.0.0.0"}, "host", "for this machine only: 127.0.0.1"),
    ({"host": "0.0.0.0", "announce_host": "10.0.0.5", "auth": False}, "auth", "a password"),
    ({"host": "0.0.0.0", "announce_host": "0.0.0.0"}, "announce_host", "must be one address"),
    ({"host": "0.0.0.0", "announce_host": "::1"}, "announce_host", "of the same family as host"),
    ({"host": "10.0.0.5", "announce_host": "10.0.0.6"}, "announce_host", "listen at 10.0.0.5 only"),
    ({"announce_port": 65531}, "announce_port", "with 6 nodes, must be at most 65530"),
    ({"port": 7000, "announce_port": 7005}, "announce_port", "data ports are 7000 to 7005"),
    ({"port": 7000, "announce_port": 16996}, "announce_port", "bus ports are 17000 to 17005"),
    ({"shape": "replication", "announce_port": 17000}, "announce_port", "servers use the port"),
    ({"announce_host": "a:b"}, "announce_host", "is no address and no name"),
    ({"shape": "replication", "announce_host": "a.example"}, "announce_host", "must be an address"),
    ({"shape": "sentinel", "announce_host": "a.example"}, "announce_host", "Sentinels connect"),
    ({"host": "10.0.0.5", "auth": False}, "auth", "may only bind a loopback address"),
    ({"engine": "latest"}, "engine", "the path of a server program (with a /)"),
    ({"nodes": {"node7": {"hz": "10"}}}, "nodes.node7", "the nodes are node1 to node6"),
    ({"nodes": {"nodes1": {"hz": "10"}}}, "nodes.nodes1", "did you mean node1?"),
    ({"nodes": {"node01": {"hz": "10"}}}, "nodes.node01", "did you mean node1?"),
    ({"redis": {"port": "7000"}}, "redis.port", "use port"),
    ({"redis": {"PORT": "7000"}}, "redis.port", "use port"),
    ({"nodes": {"node2": {"bind": "::"}}}, "nodes.node2.bind", "use host"),
    ({"shape": "sentinel", "replicas": 0}, "replicas", "fail over to a replica"),
    ({"shape": "sentinel", "sentinels": 0, "quorum": 1}, "sentinels", "is 0"),
    ({"shape": "sentinel", "quorum": 4}, "quorum", "with 3 Sentinels, must be 1 to 3"),
    ({"shape": "sentinel", "quorum": 0}, "quorum", "recommended: a majority, 2"),
    ({"shape": "sentinel", "shards": 2}, "shards", "sentinel has one shard"),
    ({"shape": "sentinel", "sentinel_port": 80}, "sentinel_port", "0 for port + 20000"),
    ({"shape": "sentinel", "sentinel_port": 6381}, "sentinel_port", "one of the data ports"),
    ({"shape": "sentinel", "port": 50000}, "sentinel_port", "the highest port would be 70002"),
    ({"shape": "sentinel", "nodes": {"sentinel1": {"hz": "10"}}}, "nodes.sentinel1", "a Sentinel"),
    ({"shape": "replication", "sentinels": 3}, "sentinels", 'shape = "sentinel" has Sentinels'),
]

GOOD: list[dict[str, object]] = [
    {},
    {"shape": "replication", "replicas": 0},
    {"shape": "standalone"},
    {"shape": "sentinel"},
    {"shape": "sentinel", "sentinels": 1, "replicas": 1},
    {"shape": "sentinel", "port": 50000, "sentinel_port": 50010},
    {"formation": "redis-cli", "shards": 3},
    {"formation": "instant", "shards": 1, "replicas": 0},
    {"port": 55530},
    {"shape": "standalone", "port": 65535},
    {"shape": "replication", "formation": "redis-cli"},
    {"host": "::1", "auth": False},
    {"host": "127.0.0.2", "auth": False},
    {"host": "10.0.0.5"},
    {"host": "10.0.0.5", "announce_host": "10.0.0.5"},
    {"host": "0.0.0.0", "announce_host": "10.0.0.5"},
    {"host": "::", "announce_host": "fd00::5", "shape": "sentinel"},
    {"host": "0.0.0.0", "announce_host": "host.docker.internal"},
    {"announce_host": "localhost"},
    {"port": 7000, "announce_port": 7006},
    {"port": 7000, "announce_port": 7000},
    {"host": "0.0.0.0", "shape": "standalone"},
    {"nodes": {"node6": {"hz": "10"}}},
    {"redis": {"maxmemory": "1gb"}},
]


def _topology(make: Made, keys: dict[str, object]) -> Topology:
    return make(**{"shape": "cluster", **keys})


@pytest.mark.parametrize(("keys", "key", "says"), BAD)
def test_keys_that_do_not_go_together_are_one_problem(
    topology: Made, keys: dict[str, object], key: str, says: str
) -> None:
    problems = validate(_topology(topology, keys))
    assert [problem.key for problem in problems] == [key]
    assert says in str(problems[0])


@pytest.mark.parametrize("keys", GOOD)
def test_keys_that_go_together_are_no_problem(topology: Made, keys: dict[str, object]) -> None:
    assert validate(_topology(topology, keys)) == ()


def test_all_problems_are_told_together(topology: Made) -> None:
    problems = validate(
        topology(
            shape="standalone",
            shards=2,
            replicas=1,
            port=65535,
            host="0.0.0.0",
            engine="newest",
            redis={"dir": "/"},
            nodes={"node9": {"bind": "::"}},
        )
    )
    assert [problem.key for problem in problems] == [
        "shards",
        "replicas",
        "port",
        "engine",
        "redis.dir",
        "nodes.node9",
        "nodes.node9.bind",
    ]


@pytest.mark.parametrize(("directive", "instead"), OWNED.items())
def test_a_directive_of_ours_is_refused_with_the_key_to_use(
    topology: Made, directive: str, instead: str
) -> None:
    (problem,) = validate(topology(redis={directive: "1"}))
    assert problem.key == f"redis.{directive}"
    assert problem.allowed == (f"use {instead}" if instead else "it can't be changed")


@pytest.mark.parametrize(
    "directive",
    [
        # Valkey's names for replicaof's password, by CONFIG GET * of Valkey 9.1
        "primaryauth",
        "primaryuser",
    ],
)
def test_other_names_of_a_directive_of_ours_are_refused_too(topology: Made, directive: str) -> None:
    assert [problem.key for problem in validate(topology(redis={directive: "1"}))] == [
        f"redis.{directive}"
    ]
