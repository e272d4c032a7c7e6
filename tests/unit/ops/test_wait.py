"""What `wait --for replicated` still misses, from edited samples of real servers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.model.state.observed import Observed
from redistopo.ops.wait import replicating

Seen = Callable[[str, str], Observed]
Goals = dict[tuple[str, str], int]


def _info(seen: Observed, name: str, **said: object) -> Observed:
    told = {key: str(value) for key, value in said.items()}
    nodes = tuple(
        replace(one, info={**one.info, **told}) if one.name == name else one for one in seen.nodes
    )
    return replace(seen, nodes=nodes)


def _missing(seen: Observed, goals: Goals) -> list[str]:
    return [f"{one.subject} {one.evidence}" for one in replicating(seen, goals)]


def _even(seen: Observed, offset: int) -> Observed:
    """Every replica has what its primary has."""
    for node in seen.nodes:
        seen = _info(seen, node.name, master_repl_offset=offset, slave_repl_offset=offset)
    return seen


@pytest.mark.parametrize("shape", ["cluster", "replication"])
def test_the_first_offset_is_the_goal(observed: Seen, engine_name: str, shape: str) -> None:
    seen, goals = _even(observed(engine_name, shape), 1000), Goals()
    behind = _info(seen, "node1", master_repl_offset=1500)
    replicas = {"cluster": ["node4"], "replication": ["node2", "node3"]}[shape]
    told = [f"{name} has offset 1000 of the 1500 that node1 had" for name in replicas]
    assert _missing(behind, goals) == told
    later = _info(behind, "node1", master_repl_offset=9000)
    assert _missing(later, goals) == told
    for name in replicas:
        later = _info(later, name, slave_repl_offset=1500)
    assert _missing(later, goals) == []


def test_a_link_that_is_down_is_missing(observed: Seen, engine_name: str) -> None:
    seen = _info(_even(observed(engine_name, "cluster"), 7), "node5", master_link_status="down")
    assert _missing(seen, Goals()) == ["node5 its link to node2 is down"]


def test_a_primary_that_began_anew_has_a_new_goal(observed: Seen) -> None:
    seen, goals = _even(observed("redis-7.0", "replication"), 5000), Goals()
    assert _missing(seen, goals) == []
    anew = _info(_even(seen, 20), "node1", master_replid="f" * 40)
    assert _missing(anew, goals) == []
    assert sorted(goals.values()) == [20, 5000]


def test_replicas_without_their_primary_have_nothing_to_reach(observed: Seen) -> None:
    seen = _even(observed("valkey-8.1", "replication"), 5)
    nodes = (replace(seen.nodes[0], info={}, error="connection refused"), *seen.nodes[1:])
    told = _missing(replace(seen, nodes=nodes), Goals())
    assert len(told) == 2
    assert all("doesn't reply" in one for one in told)
