"""Checks on what one host's loss would take, on changed snapshots."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.cases import Shaped, among, table

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.finding import Status
from redistopo.model.topology.hosts import Hosts, Machine, majority_holder

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL

HOSTS = Hosts(machines=tuple(Machine(name=f"h{n}", address=f"10.0.0.{n}") for n in range(1, 4)))

SPREAD = {"node1": 1, "node2": 2, "node3": 3, "node4": 2, "node5": 3, "node6": 1}
WATCHED = {"node1": 1, "node2": 2, "node3": 3, "sentinel1": 1, "sentinel2": 2, "sentinel3": 3}


def _on(scene: Any, hosts: Hosts = HOSTS, **places: int) -> Any:
    """The scene with each node at the address of its host; the servers know each other by it."""
    known = WATCHED if scene.expected.sentinels else SPREAD
    at = {name: f"10.0.0.{number}" for name, number in {**known, **places}.items()}
    of_port = {node.port: at[node.name] for node in scene.seen.nodes if node.name in at}

    def moved(node: Any) -> Any:
        info = {
            name: re.sub(
                r"^ip=[\d.]+,port=(\d+)", lambda m: f"ip={of_port[int(m[1])]},port={m[1]}", v
            )
            for name, v in node.info.items()
        }
        if "master_port" in info:
            info["master_host"] = of_port[int(info["master_port"])]
        members = tuple(
            replace(one, endpoint=Endpoint(of_port[one.port], one.port)) for one in node.members
        )
        place = Endpoint(of_port[node.port], node.port)
        return replace(node, endpoint=place, info=info, members=members)

    return scene._each(moved).expect(hosts=hosts)


# Check, shape, status, subject, part of the evidence, and what is changed in a healthy topology.
CASES: list[Shaped] = [
    ("placement.hosts", "cluster", OK, "topology", "3 shards are on different hosts", _on),
    ("placement.hosts", "replication", OK, "topology", "1 shard are on different", _on),
    (
        "placement.hosts",
        "cluster",
        FAIL,
        "shard 1",
        "node1 and node4 are on h1: its loss is the loss of the shard",
        lambda s: _on(s, node4=1),
    ),
    (
        "placement.hosts",
        "cluster",
        WARN,
        "shard 1",
        "node1 and node4 are on h1",
        lambda s: _on(s, replace(HOSTS, allow_colocated=True), node4=1),
    ),
    (
        "placement.hosts",
        "replication",
        WARN,
        "shard 1",
        "node1 and node3 are on h1",
        lambda s: _on(s, node3=1),
    ),
    ("placement.majority", "cluster", OK, "topology", "no host has most of the 3 primaries", _on),
    (
        "placement.majority",
        "cluster",
        WARN,
        "h2",
        "has 2 of 3 primaries: without it no replica is promoted",
        lambda s: _on(s, node1=2, node4=1),
    ),
]


@table(CASES)
def test_the_loss_of_a_host_is_judged(scene: Callable[[str, str], Any], case: Shaped) -> None:
    check, shape, *rest = case
    among(scene("redis-7.0", shape), (check, *rest))


def test_on_one_machine_nothing_is_judged(scene: Callable[[str, str], Any]) -> None:
    found = scene("redis-7.0", "cluster")
    assert found.findings("placement.hosts") + found.findings("placement.majority") == ()


def test_roles_are_spread_where_that_helps(scene: Callable[[str, str], Any]) -> None:
    healthy = scene("redis-7.0", "cluster")
    uneven = _on(healthy, node1=2, node4=1).findings("placement.majority")
    assert uneven[0].hint == "redistopo rebalance --roles"
    alone = _on(healthy, node1=2, node4=2, node5=2).findings("placement.majority")
    assert alone[0].hint == "add hosts"


@pytest.mark.parametrize(
    ("machines", "holder"),
    [("abc", ""), ("aab", "a"), ("abcd", ""), ("aabc", "a"), ("aabbc", ""), ("a", "a"), ("", "")],
)
def test_a_machine_with_half_of_the_voters_is_needed(machines: str, holder: str) -> None:
    assert majority_holder(machines) == holder
