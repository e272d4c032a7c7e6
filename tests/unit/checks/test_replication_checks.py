"""Checks on who follows whom, each on changed snapshots of real servers."""

from collections.abc import Callable
from typing import Any

from support.cases import Shaped, among, table

from redistopo.model.state.finding import Status

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL
MEGA = 1024 * 1024


# Check, shape, status, subject, part of the evidence, and what is changed in a healthy topology.
CASES: list[Shaped] = [
    (
        "replication.link",
        "replication",
        FAIL,
        "node3",
        "master_link_status:down; node1 made 9 full syncs in 60 s",
        lambda s: s.info("node1", sync_full=9, uptime_in_seconds=60).info(
            "node3", master_link_status="down"
        ),
    ),
    (
        "replication.link",
        "replication",
        WARN,
        "shard 1",
        "node1 made 9 full syncs in 60 s",
        lambda s: s.info("node1", sync_full=9, uptime_in_seconds=60),
    ),
    (
        "replication.link",
        "replication",
        OK,
        "shard 1",
        "link up",
        lambda s: s.info("node1", sync_full=9, uptime_in_seconds=6000),
    ),
    (
        "replication.shape",
        "replication",
        OK,
        "shard 1",
        "primary node1, replicas node2, node3",
        lambda s: s,
    ),
    ("replication.shape", "cluster", OK, "shard 2", "primary node2, replicas node5", lambda s: s),
    (
        "replication.shape",
        "replication",
        FAIL,
        "shard 1",
        "node1 has 1 of 2 replicas",
        lambda s: s.down("node3"),
    ),
    (
        "replication.shape",
        "replication",
        FAIL,
        "shard 1",
        "the primary of node2, node3 doesn't reply",
        lambda s: s.down("node1"),
    ),
    (
        "replication.shape",
        "replication",
        FAIL,
        "topology",
        "2 primaries, the plan has 1",
        lambda s: s.info("node2", role="master"),
    ),
    (
        "replication.shape",
        "cluster",
        FAIL,
        "topology",
        "2 primaries, the plan has 3",
        lambda s: s.down("node1", "node4"),
    ),
    (
        "replication.shape",
        "replication",
        OK,
        "shard 1",
        "no replica",
        lambda s: s.expect(replicas=None).down("node2", "node3"),
    ),
    (
        "replication.shape",
        "replication",
        FAIL,
        "node3",
        "follows 127.0.0.1:9, which is not part of this topology",
        lambda s: s.info("node3", master_port=9).expect(replicas=None),
    ),
    (
        "replication.link",
        "replication",
        OK,
        "shard 1",
        "node2, node3: link up, online at the primary",
        lambda s: s,
    ),
    (
        "replication.link",
        "replication",
        FAIL,
        "node2",
        "master_link_status:down, primary 127.0.0.1:15",
        lambda s: s.info("node2", master_link_status="down"),
    ),
    (
        "replication.link",
        "cluster",
        FAIL,
        "node5",
        "a full sync is in progress",
        lambda s: s.info("node5", master_link_status="down", master_sync_in_progress=1),
    ),
    (
        "replication.link",
        "replication",
        FAIL,
        "node2",
        "node1 has it as not listed",
        lambda s: s.info("node1", connected_slaves=0),
    ),
    (
        "replication.link",
        "cluster",
        FAIL,
        "node4",
        "node1 has it as wait_bgsave",
        lambda s: s.info(
            "node1",
            slave0=f"ip=127.0.0.1,port={s.seen.nodes[3].port},state=wait_bgsave,offset=0",
        ),
    ),
    (
        "replication.lag",
        "replication",
        OK,
        "shard 1",
        "behind the primary: node2 0 bytes, node3 0 bytes",
        lambda s: s,
    ),
    (
        "replication.lag",
        "replication",
        OK,
        "shard 1",
        "node2 0 bytes",
        lambda s: s.info("node2", slave_repl_offset=10**9),
    ),
    (
        "replication.lag",
        "replication",
        WARN,
        "shard 1",
        "behind the primary: node2 0 bytes, node3 2097152 bytes",
        lambda s: (
            s.info("node1", master_repl_offset=3 * MEGA)
            .info("node2", slave_repl_offset=3 * MEGA)
            .info("node3", slave_repl_offset=MEGA)
        ),
    ),
    (
        "replication.lag",
        "replication",
        FAIL,
        "node3",
        "sent no acknowledgement for 15 s",
        lambda s: s.silent("node3", 15),
    ),
    (
        "replication.link",
        "cluster",
        FAIL,
        "node4",
        "linked to 127.0.0.1:9, but its primary is 127.0.0.1:",
        lambda s: s.info("node4", master_port=9),
    ),
    (
        "replication.read-only",
        "replication",
        OK,
        "topology",
        "2 of 2 nodes: replicas refuse writes",
        lambda s: s,
    ),
    (
        "replication.read-only",
        "cluster",
        FAIL,
        "node6",
        "accepts writes",
        lambda s: s.info("node6", slave_read_only=0),
    ),
]


@table(CASES)
def test_a_check_says_what_is_wrong_between_nodes(
    engine_name: str, scene: Callable[[str, str], Any], case: Shaped
) -> None:
    check, shape, *rest = case
    among(scene(engine_name, shape), (check, *rest))


def test_a_lone_server_is_not_asked_about_replicas(scene: Callable[[str, str], Any]) -> None:
    stage = scene("redis-7.0", "replication").down("node2", "node3")
    for check in ("replication.link", "replication.lag", "replication.read-only"):
        assert stage.findings(check) == ()


def test_what_left_its_shard_is_told_how_it_comes_back(scene: Callable[[str, str], Any]) -> None:
    def hints(stage: Any) -> set[str]:
        return {one.hint for one in stage.findings("replication.shape") if one.hint}

    stage = scene("redis-7.0", "replication")
    lead = stage.named("node1")
    follow = f"redistopo call --node node3 REPLICAOF {lead.host} {lead.port}"
    assert hints(stage.info("node3", role="master")) == {follow}
    alike = stage.info("node2", role="master").info("node3", role="master")
    assert all("choose the primary whose data to keep" in one for one in hints(alike))
    assert hints(stage.down("node3")) == {"redistopo up"}
    refused = stage.node("node3", error="WRONGPASS").info("node1", connected_slaves=0)
    assert hints(refused) == {"see node.alive: node3 is running but doesn't reply"}
    assert hints(stage.node("node1", error="stopped", paused=True)) == {"redistopo resume node1"}


def test_a_replicas_replica_is_told_whom_to_follow(scene: Callable[[str, str], Any]) -> None:
    stage = scene("redis-7.0", "replication")
    lead, between = stage.named("node1"), stage.named("node2")
    chained = stage.info("node3", master_port=between.port)
    hints = [one.hint for one in chained.findings("replication.chain")]
    assert f"redistopo call --node node3 REPLICAOF {lead.host} {lead.port}" in hints
    stage = scene("redis-7.0", "cluster")
    between = stage.named("node5")
    above = between.myself.primary_id
    chained = stage.member("node6", "node6", primary_id=between.myself.id)
    chained = chained.info("node6", master_port=between.port)
    hints = [one.hint for one in chained.findings("replication.shape")]
    assert f"redistopo call --node node6 CLUSTER REPLICATE {above}" in hints
