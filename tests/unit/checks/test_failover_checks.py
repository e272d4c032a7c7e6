"""Checks on data that arrives and replicas that would take over, on changed snapshots."""

from collections.abc import Callable
from typing import Any

from support.cases import Shaped, among, table

from redistopo.model.state.finding import Status

OK, WARN, FAIL, SKIP = Status.OK, Status.WARN, Status.FAIL, Status.SKIP


# Check, shape, status, subject, part of the evidence, and what is changed in a healthy topology.
CASES: list[Shaped] = [
    ("data.proof", "cluster", SKIP, "topology", "no write probe", lambda s: s),
    (
        "data.proof",
        "cluster",
        OK,
        "shard 3",
        "written by a client, read back from its replica, removed: 1.5 ms",
        lambda s: s.proofs(),
    ),
    (
        "data.proof",
        "replication",
        OK,
        "shard 1",
        "read back from its 2 replicas",
        lambda s: s.proofs(),
    ),
    (
        "data.proof",
        "replication",
        OK,
        "shard 1",
        "written by a client, read back, removed",
        lambda s: s.proofs(replicas=()),
    ),
    (
        "data.proof",
        "cluster",
        FAIL,
        "shard 1",
        "WAIT: 0 of 1 replicas had it",
        lambda s: s.proofs(error="WAIT: 0 of 1 replicas had it after 1000 ms"),
    ),
    (
        "failover.ready",
        "cluster",
        OK,
        "shard 1",
        "node4 would take over: 2 votes, 2 needed",
        lambda s: s,
    ),
    (
        "failover.ready",
        "cluster",
        OK,
        "shard 2",
        "node5 takes over from its primary, which is down: 2 votes",
        lambda s: s.down("node2"),
    ),
    (
        "failover.ready",
        "cluster",
        FAIL,
        "shard 1",
        "node4 would need 2 votes, the other primaries have 1",
        lambda s: s.down("node2"),
    ),
    (
        "failover.ready",
        "cluster",
        FAIL,
        "shard 1",
        "no replica: if its primary stops",
        lambda s: s.down("node4"),
    ),
    (
        "failover.ready",
        "cluster",
        WARN,
        "shard 1",
        "no replica: if its primary stops",
        lambda s: s.expect(replicas=0).down("node4"),
    ),
    (
        "failover.ready",
        "cluster",
        FAIL,
        "shard 1",
        "node4: cluster-replica-no-failover is set",
        lambda s: s.config("node4", cluster_replica_no_failover="yes"),
    ),
    (
        "failover.ready",
        "cluster",
        FAIL,
        "shard 1",
        "node4: its link to the primary is down",
        lambda s: s.info("node4", master_link_status="down"),
    ),
    (
        "failover.ready",
        "cluster",
        OK,
        "shard 1",
        "node4 takes over from its primary, which is down: 2 votes, 2 needed",
        lambda s: s.down("node1").info(
            "node4", master_link_status="down", master_link_down_since_seconds=3
        ),
    ),
    (
        "failover.ready",
        "cluster",
        FAIL,
        "shard 1",
        "no replica could take over: node4: its data is 99 s old",
        lambda s: s.down("node1").info(
            "node4", master_link_status="down", master_link_down_since_seconds=99
        ),
    ),
    (
        "failover.ready",
        "cluster",
        FAIL,
        "shard 1",
        "no replica could take over: node4: it has never had a link to its primary",
        lambda s: s.down("node1").info(
            "node4", master_link_status="down", master_link_down_since_seconds=-1
        ),
    ),
    (
        "failover.ready",
        "cluster",
        FAIL,
        "shard 1",
        "node4: its data is 61 s old, too old for cluster-replica-validity-factor 10",
        lambda s: s.info("node4", master_last_io_seconds_ago=61),
    ),
    (
        "failover.ready",
        "cluster",
        OK,
        "shard 1",
        "node4 would take over",
        lambda s: s.info("node4", master_last_io_seconds_ago=61).config(
            "node4", cluster_replica_validity_factor="0"
        ),
    ),
    (
        "failover.ready",
        "cluster",
        FAIL,
        "shard 1",
        "node4: it is loading its data",
        lambda s: s.info("node4", loading=1),
    ),
    (
        "failover.ready",
        "replication",
        SKIP,
        "topology",
        "no automatic failover",
        lambda s: s,
    ),
]


@table(CASES)
def test_a_check_says_what_is_wrong_between_nodes(
    engine_name: str, scene: Callable[[str, str], Any], case: Shaped
) -> None:
    check, shape, *rest = case
    among(scene(engine_name, shape), (check, *rest))


def test_two_shards_do_not_fail_over_by_themselves(scene: Callable[[str, str], Any]) -> None:
    stage = scene("redis-7.0", "cluster")
    keep = ("node1", "node2", "node4", "node5")
    for name in keep:
        stage = stage.forgets(name, "node3").forgets(name, "node6")
    stage = stage.down("node3", "node6").expect(shards=2)
    found = stage.findings("failover.ready")
    assert [(one.status, one.subject) for one in found] == [(WARN, "shard 1"), (WARN, "shard 2")]
    assert {one.hint for one in found} == {
        "automatic failover needs at least 3 shards: redistopo scale --shards 3"
    }


def test_a_shard_without_a_replica_names_the_verb_that_adds_one(
    scene: Callable[[str, str], Any],
) -> None:
    stage = scene("redis-7.0", "cluster").expect(replicas=0).down("node4")
    (warned, *_others) = stage.findings("failover.ready")
    assert (warned.status, warned.hint) == (WARN, "redistopo scale --replicas 1")
