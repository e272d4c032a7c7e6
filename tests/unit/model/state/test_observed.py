"""What was seen: a node's own word, and the shards that the nodes form by their own word."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.slots import SlotRange, format_ranges, split_slots, unassigned_slots
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.shards import shards_of

Seen = Callable[[str, str], Observed]


def _shards(seen: Observed) -> list[str]:
    return [
        f"{shard.primary.name if shard.primary else '-'}: "
        f"{' '.join(node.name for node in shard.replicas)}"
        f" {format_ranges(shard.slots)}".rstrip()
        for shard in shards_of(seen)
    ]


def _without(seen: Observed, *names: str) -> Observed:
    """The snapshot with nodes that didn't answer."""
    nodes = tuple(
        replace(node, info={}, members=(), error="refused") if node.name in names else node
        for node in seen.nodes
    )
    return replace(seen, nodes=nodes)


def test_shards_of_a_cluster_are_in_the_order_of_their_slots(
    engine_name: str, observed: Seen
) -> None:
    assert _shards(observed(engine_name, "cluster")) == [
        "node1: node4 0-5460",
        "node2: node5 5461-10922",
        "node3: node6 10923-16383",
    ]


def test_replication_is_one_shard(engine_name: str, observed: Seen) -> None:
    assert _shards(observed(engine_name, "replication")) == ["node1: node2 node3"]


def test_a_silent_primary_is_still_a_shard_by_its_replicas_word(observed: Seen) -> None:
    seen = _without(observed("redis-7.0", "cluster"), "node2")
    assert _shards(seen) == [
        "node1: node4 0-5460",
        "-: node5 5461-10922",
        "node3: node6 10923-16383",
    ]


def test_a_shard_of_which_nobody_answers_is_not_seen(observed: Seen) -> None:
    seen = _without(observed("redis-7.0", "cluster"), "node2", "node5")
    assert _shards(seen) == ["node1: node4 0-5460", "node3: node6 10923-16383"]


def test_replicas_without_their_primary_are_a_shard_that_lost_it(observed: Seen) -> None:
    seen = _without(observed("redis-7.0", "replication"), "node1")
    assert _shards(seen) == ["-: node2 node3"]


@pytest.mark.parametrize(
    ("name", "role", "follows", "link_up"),
    [("node1", Role.PRIMARY, "", False), ("node2", Role.REPLICA, "127.0.0.1:15030", True)],
)
def test_a_node_tells_its_role(
    observed: Seen, name: str, role: Role, follows: str, link_up: bool
) -> None:
    node = next(n for n in observed("redis-7.0", "replication").nodes if n.name == name)
    assert (node.role, node.follows, node.link_up) == (role, follows, link_up)


def test_a_silent_node_has_no_role() -> None:
    node = NodeSeen(name="node1", endpoint=Endpoint("127.0.0.1", 7000), error="refused")
    assert (node.role, node.answers, node.keys, node.replicas) == (None, False, 0, ())


def test_a_primary_lists_its_replicas(engine_name: str, observed: Seen) -> None:
    seen = observed(engine_name, "replication")
    listed = {(one.port, one.state) for one in seen.nodes[0].replicas}
    assert listed == {(node.port, "online") for node in seen.nodes[1:]}


def test_offsets_of_a_quiet_topology_are_equal(engine_name: str, observed: Seen) -> None:
    offsets = {node.offset for node in observed(engine_name, "replication").nodes}
    assert len(offsets) == 1
    assert offsets != {0}


def test_keys_are_counted_over_all_databases(observed: Seen) -> None:
    node = observed("redis-7.0", "replication").nodes[0]
    told = {**node.info, "db0": "keys=4,expires=1,avg_ttl=0", "db7": "keys=3", "dbsize": "keys=9"}
    assert (node.keys, replace(node, info=told).keys) == (4, 7)


def test_a_node_is_found_by_its_address(observed: Seen) -> None:
    seen = observed("redis-7.0", "cluster")
    assert seen.at(seen.nodes[2].address) is seen.nodes[2]
    assert seen.at("127.0.0.1:1") is None


@pytest.mark.parametrize(
    ("owned", "missing"),
    [
        ([split_slots(1)], ""),
        ([split_slots(3)[:1], split_slots(3)[2:]], "5461-10922"),
        ([(SlotRange(1, 16382),)], "0,16383"),
        ([], "0-16383"),
    ],
)
def test_slots_that_nobody_owns_are_missing(
    owned: list[tuple[SlotRange, ...]], missing: str
) -> None:
    assert format_ranges(unassigned_slots(owned, 16384)) == missing
