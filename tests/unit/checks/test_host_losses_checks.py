"""Checks on what one host's loss would take, on changed snapshots."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.cases import Shaped, among, table
from support.scenes_on_hosts import HOSTS, on_hosts

from redistopo.model.state.finding import Status
from redistopo.model.topology.hosts import majority_holder

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL

# Check, shape, status, subject, part of the evidence, and what is changed in a healthy topology.
CASES: list[Shaped] = [
    ("placement.hosts", "cluster", OK, "topology", "3 shards are on different hosts", on_hosts),
    ("placement.hosts", "replication", OK, "topology", "1 shard are on different", on_hosts),
    (
        "placement.hosts",
        "cluster",
        FAIL,
        "shard 1",
        "node1 and node4 are on h1: its loss is the loss of the shard",
        lambda s: on_hosts(s, node4=1),
    ),
    (
        "placement.hosts",
        "cluster",
        WARN,
        "shard 1",
        "node1 and node4 are on h1",
        lambda s: on_hosts(s, replace(HOSTS, allow_colocated=True), node4=1),
    ),
    (
        "placement.hosts",
        "replication",
        WARN,
        "shard 1",
        "node1 and node3 are on h1",
        lambda s: on_hosts(s, node3=1),
    ),
    (
        "placement.majority",
        "cluster",
        OK,
        "topology",
        "no host has most of the 3 primaries",
        on_hosts,
    ),
    (
        "placement.majority",
        "cluster",
        WARN,
        "h2",
        "has 2 of 3 primaries: without it no replica is promoted",
        lambda s: on_hosts(s, node1=2, node4=1),
    ),
]


@table(CASES)
def test_the_loss_of_a_host_is_judged(scene: Callable[[str, str], Any], case: Shaped) -> None:
    check, shape, *rest = case
    among(scene("redis-7.0", shape), (check, *rest))


def teston_hostson_hostse_machine_nothing_is_judged(scene: Callable[[str, str], Any]) -> None:
    found = scene("redis-7.0", "cluster")
    assert found.findings("placement.hosts") + found.findings("placement.majority") == ()


def test_roles_are_spread_where_that_helps(scene: Callable[[str, str], Any]) -> None:
    healthy = scene("redis-7.0", "cluster")
    uneven = on_hosts(healthy, node1=2, node4=1).findings("placement.majority")
    assert uneven[0].hint == "redistopo rebalance --roles"
    alone = on_hosts(healthy, node1=2, node4=2, node5=2).findings("placement.majority")
    assert alone[0].hint == "add hosts"


@pytest.mark.parametrize(
    ("machines", "holder"),
    [("abc", ""), ("aab", "a"), ("abcd", ""), ("aabc", "a"), ("aabbc", ""), ("a", "a"), ("", "")],
)
def test_a_machine_with_half_of_the_voters_is_needed(machines: str, holder: str) -> None:
    assert majority_holder(machines) == holder
