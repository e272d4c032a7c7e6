"""What `doctor` asks beside `verify`, each on changed snapshots of real servers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.cases import Shaped, among, table

from redistopo.doctor.failover_risks import buffer_limits
from redistopo.model.state.finding import Status
from redistopo.model.state.observed import ProcessState

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL
ELSEWHERE = "e" * 40


def _strays(scene: Any, **fields: Any) -> Any:
    """node2 knows others, none of them of this cluster."""
    for other in ("node1", "node3", "node4", "node5", "node6"):
        scene = scene.member("node2", other, id=f"{other[-1]}{ELSEWHERE[1:]}")
    return scene.info("node2", **fields)


def _alone(scene: Any) -> Any:
    own = next(one for one in scene.named("node2").members if one.myself)
    return scene.node("node2", members=(own,))


def _reset(scene: Any, *names: str) -> Any:
    """As a CLUSTER RESET leaves them: no other node known, no slots, no keys."""
    for name in names:
        own = next(one for one in scene.named(name).members if one.myself)
        own = replace(own, flags=("myself", "master"), slots=(), primary_id="")
        scene = scene.node(name, members=(own,)).info(name, db0="")
    return scene


# Check, shape, status, subject, part of the evidence, and what is changed in a healthy topology.
CASES: list[Shaped] = [
    (
        "replication.password",
        "replication",
        OK,
        "topology",
        "3 of 3 nodes: masterauth accepted by every other node",
        lambda s: s,
    ),
    (
        "replication.password",
        "replication",
        FAIL,
        "node2",
        "has a masterauth that differs from their password: it could not replicate node1, node3",
        lambda s: s.config("node2", masterauth="other"),
    ),
    (
        "replication.password",
        "cluster",
        FAIL,
        "node2",
        "has no masterauth: it could not replicate node1",
        lambda s: s.config("node2", masterauth=""),
    ),
    (
        "replication.timeouts",
        "replication",
        OK,
        "topology",
        "3 of 3 nodes: repl-timeout allows",
        lambda s: s,
    ),
    (
        "replication.timeouts",
        "replication",
        FAIL,
        "node1",
        "repl-timeout 10 s isn't above repl-ping-replica-period 10 s",
        lambda s: s.config("node1", repl_timeout="10", repl_ping_replica_period="10"),
    ),
    (
        "replication.timeouts",
        "replication",
        WARN,
        "node1",
        "allows for 2 pings",
        lambda s: s.config("node1", repl_timeout="20", repl_ping_replica_period="10"),
    ),
    (
        "replication.timeouts",
        "cluster",
        WARN,
        "topology",
        "cluster-node-timeout differs",
        lambda s: s.config("node1", cluster_node_timeout="77"),
    ),
    (
        "replication.buffers",
        "replication",
        OK,
        "topology",
        "replicas' output buffers as large as the backlog",
        lambda s: s,
    ),
    (
        "replication.buffers",
        "replication",
        WARN,
        "node1",
        "disconnects replicas at 1024 bytes (hard 1048576, soft 1024), below its backlog",
        lambda s: s.config(
            "node1",
            client_output_buffer_limit="normal 0 0 0 slave 1048576 1024 60 pubsub 3 2 1",
            repl_backlog_size="2000000",
        ),
    ),
    (
        "replication.buffers",
        "replication",
        WARN,
        "node1",
        "has disconnected 4 clients since its start",
        lambda s: s.info("node1", client_output_buffer_limit_disconnections=4),
    ),
    (
        "cluster.reset",
        "cluster",
        OK,
        "topology",
        "6 of 6 nodes: belong to this cluster",
        lambda s: s,
    ),
    (
        "cluster.reset",
        "cluster",
        FAIL,
        "node2",
        "belongs to another cluster, with 127.0.0.1:",
        lambda s: _strays(s, db0="keys=12,expires=0,avg_ttl=0"),
    ),
    (
        "cluster.reset",
        "cluster",
        FAIL,
        "node2",
        "a reset would remove: 12 keys, 5462 slots (5461-10922)",
        lambda s: _strays(s, db0="keys=12,expires=0,avg_ttl=0"),
    ),
    ("cluster.reset", "cluster", FAIL, "node2", "is alone", _alone),
    (
        "cluster.reset",
        "cluster",
        FAIL,
        "node2",
        "was reset: it is empty and alone",
        lambda s: _reset(s, "node2"),
    ),
    (
        "cluster.reset",
        "cluster",
        WARN,
        "node2",
        "is a primary without slots and keys, as after a reset",
        lambda s: s.member("node2", "node2", slots=()).info("node2", db0=""),
    ),
    (
        "cluster.reset",
        "cluster",
        OK,
        "topology",
        "6 of 6 nodes",
        lambda s: _reset(s, *(node.name for node in s.seen.nodes)),
    ),
]


@table(CASES)
def test_a_check_says_what_it_saw(
    scene: Callable[[str, str], Any], engine_name: str, case: Shaped
) -> None:
    check, shape, *rest = case
    found = among(scene(engine_name, shape), (check, *rest))
    assert all(one.hint for one in found if one.status in (WARN, FAIL))


def test_a_reset_node_is_met_again_by_hand_where_it_is_a_stranger_s(
    scene: Callable[[str, str], Any],
) -> None:
    ours = _reset(scene("redis-7.0", "cluster"), "node2")
    assert ours.findings("cluster.reset")[0].hint == "redistopo up rejoins it"
    strange = ours.every(process=ProcessState.NOT_OURS)
    assert "CLUSTER MEET 127.0.0.1" in strange.findings("cluster.reset")[0].hint


def test_no_secret_is_told(scene: Callable[[str, str], Any], engine_name: str) -> None:
    changed = scene(engine_name, "replication").config("node2", masterauth="hush-hush")
    secret = (changed.named("node1").config or {})["requirepass"]
    told = repr(changed.findings("replication.password"))
    assert secret not in told
    assert "hush-hush" not in told


def test_a_stranger_is_told_by_redis_cli_what_ours_is_by_our_verbs(
    scene: Callable[[str, str], Any],
) -> None:
    ours = _strays(scene("redis-7.0", "cluster"), db0="keys=1")
    strange = ours.every(process=ProcessState.NOT_OURS)
    assert "redistopo reset node2" in ours.findings("cluster.reset")[0].hint
    assert "FLUSHALL" not in str(strange.findings("cluster.reset"))
    empty = strange.info("node2", db0="keys=0")
    assert "CLUSTER RESET HARD" in empty.findings("cluster.reset")[0].hint


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("normal 0 0 0 slave 268435456 67108864 60 pubsub 1 2 3", (268435456, 67108864)),
        ("normal 0 0 0 replica 1 2 3", (1, 2)),
        ("", (0, 0)),
        ("slave a b c", (0, 0)),
    ],
)
def test_the_limits_of_replicas_are_read(text: str, limits: tuple[int, int]) -> None:
    assert buffer_limits(text) == limits


def test_a_node_timeout_that_differs_is_set_back_by_up(
    scene: Callable[[str, str], Any],
) -> None:
    stage = scene("redis-7.0", "cluster").config("node1", cluster_node_timeout="77")
    for name in ("node2", "node3", "node4", "node5", "node6"):
        stage = stage.config(name, cluster_node_timeout="5000")
    told = [one.hint for one in stage.findings("replication.timeouts") if one.hint]
    assert len(told) == 1
    assert told[0].endswith("redistopo up   (all get node_timeout)")
