"""Whether a replica would take over: captured clusters, edited until nobody would."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from redistopo.model.planning.promotability import Promotability, promotability_of
from redistopo.model.state.observed import NodeSeen, Observed

Seen = Callable[[str, str], Observed]


def _edited(
    seen: Observed,
    name: str,
    info: Mapping[str, str] | None = None,
    config: Mapping[str, str] | None = None,
) -> Observed:
    nodes = tuple(
        replace(
            node,
            info={**node.info, **(info or {})},
            config={**(node.config or {}), **(config or {})},
        )
        if node.name == name
        else node
        for node in seen.nodes
    )
    return replace(seen, nodes=nodes)


def _silent(seen: Observed, *names: str) -> Observed:
    gone: dict[str, object] = {"info": {}, "members": (), "cluster": {}, "error": "gone"}
    nodes = tuple(replace(one, **gone) if one.name in names else one for one in seen.nodes)  # type: ignore[arg-type]
    return replace(seen, nodes=nodes)


def _named(seen: Observed, *names: str) -> tuple[NodeSeen, ...]:
    return tuple(node for node in seen.nodes if node.name in names)


def _judged(seen: Observed, *victims: str) -> tuple[Promotability, ...]:
    return promotability_of(seen, _named(seen, *victims))


def _why(seen: Observed, *victims: str) -> list[str]:
    return [what for one in _judged(seen, *victims) for what, _hint in one.obstacles]


def test_a_healthy_cluster_fails_over(observed: Seen, engine_name: str) -> None:
    (found,) = _judged(observed(engine_name, "cluster"), "node1")
    assert (found.primary, found.votes, found.voters, found.needed) == ("node1", 2, 3, 2)
    assert found.obstacles == ()
    assert found.heir
    assert found.heir.name == "node4"


def test_nobody_has_to_take_over_from_a_replica(observed: Seen) -> None:
    assert _judged(observed("redis-8.2", "cluster"), "node4") == ()


def test_two_of_three_primaries_leave_no_majority(observed: Seen) -> None:
    why = _why(observed("redis-8.2", "cluster"), "node1", "node2")
    assert why == ["1 of 3 primaries would be left to vote, and 2 are needed"] * 2


def test_a_primary_that_is_away_does_not_vote(observed: Seen) -> None:
    (found,) = _judged(_silent(observed("redis-8.2", "cluster"), "node3"), "node1")
    ((what, hint),) = found.obstacles
    assert what == "1 of 3 primaries would be left to vote, and 2 are needed"
    assert hint == "redistopo up starts node3"


def test_a_primary_and_its_replica_at_once(observed: Seen) -> None:
    assert _why(observed("redis-8.2", "cluster"), "node1", "node4") == ["node1 has no replica"]


_DOWN = {"master_link_status": "down"}


@pytest.mark.parametrize(
    ("info", "config", "why"),
    [
        ({}, {"cluster-replica-no-failover": "yes"}, "may not take over"),
        ({**_DOWN, "master_link_down_since_seconds": "0"}, {}, "has no link to its primary"),
        ({**_DOWN, "master_link_down_since_seconds": "-1"}, {}, "never received"),
        # 10 s + 1 s * 2
        (
            {**_DOWN, "master_link_down_since_seconds": "13"},
            {"cluster-replica-validity-factor": "2", "cluster-node-timeout": "1000"},
            "lost its primary 13 s ago, and may take over only for 12 s",
        ),
        (
            {**_DOWN, "master_link_down_since_seconds": "12"},
            {"cluster-replica-validity-factor": "2", "cluster-node-timeout": "1000"},
            "has no link to its primary",
        ),
        (
            {**_DOWN, "master_link_down_since_seconds": "99999"},
            {"cluster-replica-validity-factor": "0"},
            "has no link to its primary",
        ),
    ],
)
def test_what_keeps_a_replica_from_taking_over(
    observed: Seen, info: Mapping[str, str], config: Mapping[str, str], why: str
) -> None:
    period = {"repl-ping-replica-period": "10"}
    seen = _edited(observed("redis-7.0", "cluster"), "node4", info, {**period, **config})
    (said,) = _why(seen, "node1")
    assert said.startswith(f"node4 {why}")
    # of another shard it is no concern
    assert _why(seen, "node2") == []
