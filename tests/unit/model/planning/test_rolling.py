"""In which order nodes are restarted, and which together: on snapshots of real servers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.model.planning.restart_losses import emptying, forgetting, unfollowed
from redistopo.model.planning.rolling import (
    AT_ONCE,
    Act,
    RollingOrder,
    Turn,
    shard_of,
    together,
    turns,
)
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.state.observed import Observed

Seen = Callable[[str, str], Observed]
ALL = [f"node{n}" for n in range(1, 7)]


def _without(seen: Observed, name: str) -> Observed:
    return replace(seen, nodes=tuple(node for node in seen.nodes if node.name != name))


def _with_keys(seen: Observed, count: int) -> Observed:
    keys = {"db0": f"keys={count},expires=0"}
    nodes = (replace(node, info={**node.info, **keys}) for node in seen.nodes)
    return replace(seen, nodes=tuple(nodes))


@pytest.mark.parametrize(
    ("names", "restore", "order"),
    [
        (
            ALL,
            False,
            "restart node4, restart node5, restart node6, hand over node1, hand over node2, "
            "hand over node3, restart node1, restart node2, restart node3",
        ),
        (
            ["node1", "node3"],
            True,
            "hand over node1, hand over node3, restart node1, restart node3, hand back node1, "
            "hand back node3",
        ),
        (["node2"], True, "hand over node2, restart node2, hand back node2"),
        (["node1", "node5"], False, "restart node5, hand over node1, restart node1"),
        ([], False, ""),
    ],
)
def test_the_order(
    observed: Seen, engine_name: str, names: list[str], order: str, *, restore: bool
) -> None:
    found = turns(observed(engine_name, "cluster"), names, RollingOrder(restore=restore))
    assert ", ".join(map(str, found)) == order


def _twice(seen: Observed) -> Observed:
    """The snapshot with each node a second time, by another name and in a shard of its own."""

    def other(line: ClusterNodesLine) -> ClusterNodesLine:
        primary = line.primary_id and f"{line.primary_id}2"
        return replace(line, id=f"{line.id}2", primary_id=primary)

    more = (
        replace(node, name=f"{node.name}b", members=tuple(map(other, node.members)))
        for node in seen.nodes
    )
    return replace(seen, nodes=(*seen.nodes, *more))


def _restarts(names: str) -> list[Turn]:
    return _acts(Act.RESTART, names)


def _acts(act: Act, names: str) -> list[Turn]:
    return [Turn(act=act, node=f"node{one}") for one in names]


@pytest.mark.parametrize(
    ("left", "first", "done"),
    [
        (_restarts("456"), True, "4"),
        (_restarts("456"), False, "456"),
        # node2 is a primary
        (_restarts("4256"), False, "4"),
        (_restarts("24"), False, "2"),
        # each shard gives one
        (_restarts("45465"), False, "45"),
        ([*_restarts("4"), Turn(act=Act.HAND_OVER, node="node2"), *_restarts("5")], False, "4"),
        ([Turn(act=Act.HAND_OVER, node="node2"), *_restarts("4")], False, "2"),
        # planned failovers of different shards, if no other act is between them
        ([*_acts(Act.HAND_OVER, "23"), *_restarts("4")], False, "23"),
        (_acts(Act.HAND_OVER, "23"), True, "2"),
        (_acts(Act.HAND_BACK, "2325"), False, "23"),
        (_restarts("9"), False, "9"),
    ],
)
def test_the_same_turns_of_different_shards_are_done_together(
    observed: Seen, left: list[Turn], done: str, *, first: bool
) -> None:
    found = together(observed("redis-7.0", "cluster"), left, first=first)
    assert "".join(one.node[4:] for one in found) == done


@pytest.mark.parametrize("shape", ["replication", "sentinel"])
def test_no_two_nodes_of_one_shard_restart_together(observed: Seen, shape: str) -> None:
    seen = observed("redis-7.0", shape)
    left = [Turn(act=Act.RESTART, node=node.name) for node in seen.nodes]
    while left:
        assert together(seen, left, first=False) == tuple(left[:1])
        del left[0]


def test_no_more_than_four_shards_lose_a_node_at_the_same_time(observed: Seen) -> None:
    seen = _twice(observed("redis-7.0", "cluster"))
    order = turns(seen, [node.name for node in seen.nodes])
    acts = "".join(str(one)[0] for one in order)  # r for restart, h for hand over
    assert acts == "r" * 6 + ("h" * AT_ONCE + "r" * AT_ONCE) + "hhrr"
    assert together(seen, order, first=False) == order[:AT_ONCE]


def test_a_primary_without_replica_is_restarted_as_it_is(observed: Seen) -> None:
    seen = _without(observed("redis-7.0", "cluster"), "node5")
    assert [str(one) for one in turns(seen, ["node2"], RollingOrder(restore=True))] == [
        "restart node2"
    ]
    assert [node.name for node in unfollowed(seen, ALL)] == ["node2"]
    assert unfollowed(seen, ["node1", "node4"]) == ()


def test_what_would_be_lost(observed: Seen) -> None:
    seen = _with_keys(observed("redis-7.0", "replication"), 3)
    three = ["node1", "node2", "node3"]
    assert [node.name for node in emptying(seen, three, saving=[])] == ["node1"]
    assert emptying(seen, three, saving=three) == ()
    assert emptying(seen, ["node2"], saving=[]) == ()
    assert forgetting(seen, three, saving=[]) == ("node1",)
    assert forgetting(seen, ["node2", "node3"], saving=[]) == ()
    assert forgetting(_with_keys(seen, 0), three, saving=[]) == ()


def test_the_shard_of_a_node(observed: Seen) -> None:
    seen = observed("redis-7.0", "cluster")
    found = shard_of(seen, "node5")
    assert found is not None
    assert found.number == 2
    assert shard_of(_without(seen, "node5"), "node5") is None
