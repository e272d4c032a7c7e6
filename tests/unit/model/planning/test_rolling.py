"""In which order nodes are restarted one by one: on snapshots of real servers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.model.planning.restart_losses import emptying, forgetting, unfollowed
from redistopo.model.planning.rolling import RollingOrder, shard_of, turns
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
            "restart node4, restart node5, restart node6, hand over node1, restart node1, "
            "hand over node2, restart node2, hand over node3, restart node3",
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
