"""Checks on Sentinels: three of them around a captured replication, as they would see it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.cases import Case, among, table
from support.guarded import NAMES, guarded

from redistopo.checks.catalogue import judge
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.sentinel_replies import Peer
from redistopo.model.state.finding import Status, failed_findings

OK, WARN, FAIL, SKIP = Status.OK, Status.WARN, Status.FAIL, Status.SKIP
UNKNOWN = Status.UNKNOWN


def _watch(scene: Any, name: str, **fields: Any) -> Any:
    """The Sentinel sees its primary otherwise."""
    watch = replace(scene.named(name).watches[0], **fields)
    return scene.node(name, watches=(watch,))


def _all(scene: Any, **fields: Any) -> Any:
    for name in NAMES:
        scene = _watch(scene, name, **fields)
    return scene


def _peer(scene: Any, name: str, about: str, **fields: Any) -> Any:
    """The Sentinel sees a replica, or another Sentinel, otherwise."""
    port, watch = scene.named(about).port, scene.named(name).watches[0]

    def changed(peers: tuple[Peer, ...]) -> tuple[Peer, ...]:
        return tuple(replace(one, **fields) if one.port == port else one for one in peers)

    told = {"replicas": changed(watch.replicas), "sentinels": changed(watch.sentinels)}
    return _watch(scene, name, **told)


def _gone(scene: Any, *names: str) -> Any:
    return scene.down(*names)._each(
        lambda node: replace(node, watches=()) if node.name in names else node
    )


def _refusing(scene: Any, *names: str, reply: str = "ERR unknown command 'CONFIG'") -> Any:
    """Nodes that refuse the configuration's rewrite, which a Sentinel sends in a failover."""
    for name in names:
        scene = scene.node(name, failover_refusals={"CONFIG REWRITE": reply})
    return scene


def _tilted(scene: Any) -> Any:
    for name in NAMES:
        scene = scene.node(name, info={"redis_mode": "sentinel", "sentinel_tilt": "1"})
    return scene


DOWN = frozenset({"s_down", "slave", "disconnected"})

# Check, status, subject, part of the evidence, and what is changed in a healthy topology.
CASES: list[Case] = [
    ("sentinel.primary", OK, "topology", "3 of 3 Sentinels name node1", lambda s: s),
    (
        "sentinel.primary",
        FAIL,
        "topology",
        "the Sentinels don't agree: sentinel1, sentinel3: node1",
        lambda s: _watch(s, "sentinel2", endpoint=s.named("node2").endpoint),
    ),
    (
        "sentinel.primary",
        FAIL,
        "topology",
        "in epoch 4",
        lambda s: _watch(s, "sentinel3", epoch=4),
    ),
    (
        "sentinel.primary",
        FAIL,
        "sentinel2",
        "monitors no primary",
        lambda s: s.node("sentinel2", watches=()),
    ),
    (
        "node.versions",
        WARN,
        "topology",
        "Valkey 9.0.0 has a known fault (valkey#2779)",
        lambda s: s.info("node2", valkey_version="9.0.0"),
    ),
    ("sentinel.primary", FAIL, "topology", "no Sentinel replies", lambda s: _gone(s, *NAMES)),
    ("sentinel.leads", OK, "node1", "reports that it is a primary", lambda s: s),
    (
        "sentinel.leads",
        FAIL,
        "node2",
        "reports that it is a replica",
        lambda s: _all(s, endpoint=s.named("node2").endpoint),
    ),
    (
        "sentinel.leads",
        FAIL,
        "topology",
        "not part of this topology",
        lambda s: _all(s, endpoint=Endpoint("127.0.0.1", 9)),
    ),
    ("sentinel.leads", FAIL, "node1", "doesn't reply", lambda s: s.down("node1")),
    (
        "sentinel.leads",
        FAIL,
        "node1",
        "down according to sentinel1, sentinel2",
        lambda s: _all(s, flags=frozenset({"master", "s_down"})),
    ),
    (
        "sentinel.quorum",
        WARN,
        "topology",
        "sentinel2 is in TILT",
        lambda s: s.node("sentinel2", info={"redis_mode": "sentinel", "sentinel_tilt": "1"}),
    ),
    (
        "failover.ready",
        WARN,
        "shard 1",
        "3 of 3 Sentinels are in TILT mode",
        _tilted,
    ),
    ("sentinel.quorum", OK, "topology", "the quorum of 2 and a majority of 2", lambda s: s),
    (
        "sentinel.quorum",
        FAIL,
        "topology",
        "1 of 3 reply, a failover needs 2",
        lambda s: _gone(s, "sentinel1", "sentinel2"),
    ),
    (
        "sentinel.quorum",
        FAIL,
        "sentinel3",
        "NOQUORUM",
        lambda s: _watch(s, "sentinel3", quorum="NOQUORUM 1 usable Sentinels."),
    ),
    ("sentinel.replicas", OK, "topology", "know 2 replicas, none of them down", lambda s: s),
    (
        "sentinel.replicas",
        FAIL,
        "sentinel1",
        "has node2 as down",
        lambda s: _peer(s, "sentinel1", "node2", flags=DOWN),
    ),
    (
        "sentinel.replicas",
        FAIL,
        "sentinel2",
        "doesn't know node2, node3",
        lambda s: _watch(s, "sentinel2", replicas=()),
    ),
    ("sentinel.peers", OK, "topology", "know all others, none of them down", lambda s: s),
    (
        "sentinel.peers",
        FAIL,
        "sentinel2",
        "knows 0 others, the plan has 2",
        lambda s: _watch(s, "sentinel2", sentinels=()),
    ),
    (
        "sentinel.peers",
        FAIL,
        "sentinel1",
        "has sentinel3 as down",
        lambda s: _peer(s, "sentinel1", "sentinel3", flags=frozenset({"sentinel", "s_down"})),
    ),
    ("sentinel.peers", FAIL, "sentinel1", "the plan has 1", lambda s: s.expect(sentinels=2)),
    ("sentinel.hello", OK, "topology", "receive each other's hello", lambda s: s),
    (
        "sentinel.hello",
        FAIL,
        "sentinel1",
        "received no hello from sentinel2 for 60 s",
        lambda s: _peer(s, "sentinel1", "sentinel2", hello_age=60_000),
    ),
    ("failover.ready", OK, "shard 1", "node2 or node3 would take over: 3 Sentinels", lambda s: s),
    (
        "failover.ready",
        WARN,
        "shard 1",
        "node3 would take over, but not node2: its replica-priority is 0",
        lambda s: s.info("node2", slave_priority=0),
    ),
    (
        "failover.ready",
        WARN,
        "shard 1",
        "no failover candidate: replica-priority is 0 on node2, node3",
        lambda s: s.info("node2", slave_priority=0).info("node3", slave_priority=0),
    ),
    (
        "failover.ready",
        FAIL,
        "shard 1",
        "node2: its link to the primary is down; node3: a Sentinel has it as down",
        lambda s: _peer(
            s.info("node2", master_link_status="down"), "sentinel1", "node3", flags=DOWN
        ),
    ),
    (
        "failover.ready",
        OK,
        "shard 1",
        "node2 or node3 takes over from its primary, which is down: 3 Sentinels",
        lambda s: (
            s.down("node1")
            .info("node2", master_link_status="down", master_link_down_since_seconds=1)
            .info("node3", master_link_status="down", master_link_down_since_seconds=1)
        ),
    ),
    (
        "failover.ready",
        FAIL,
        "shard 1",
        "node2, node3: it refuses what a Sentinel sends: CONFIG REWRITE: ERR unknown command",
        lambda s: _refusing(s, "node2", "node3"),
    ),
    (
        "failover.ready",
        WARN,
        "shard 1",
        "node1 could not become a replica again: it refuses",
        lambda s: _refusing(s, "node1"),
    ),
    (
        "failover.ready",
        UNKNOWN,
        "shard 1",
        "whether the Sentinels' user may fail over is unknown on node2",
        lambda s: _refusing(s.expect(host=None), "node2", reply="NOPERM not permitted"),
    ),
    (
        "failover.ready",
        FAIL,
        "shard 1",
        "1 of 3 Sentinels reply",
        lambda s: _gone(s, "sentinel1", "sentinel3"),
    ),
    (
        "config.drift",
        FAIL,
        "sentinel1",
        "quorum is 1, rendered: 2",
        lambda s: s.config("sentinel1", quorum="1"),
    ),
    ("node.alive", FAIL, "sentinel2", "isn't running", lambda s: _gone(s, "sentinel2")),
]


@pytest.fixture
def watched(scene: Callable[[str, str], Any]) -> Callable[[str], Any]:
    """A captured replication with three Sentinels that find all well: of that engine."""

    def made(engine: str) -> Any:
        whole = scene(engine, "replication")
        seen = guarded(whole.seen)
        config = {**whole.expected.config, **{name: {"quorum": ("2",)} for name in NAMES}}
        return replace(whole, seen=seen).expect(sentinels=3, config=config)

    return made


def test_healthy_sentinels_of_every_engine_have_no_fault(
    engine_name: str, watched: Callable[[str], Any]
) -> None:
    judged = watched(engine_name).proofs().judged
    assert failed_findings(judged) == ()
    assert {one.check for one in judged if one.check.startswith("sentinel.")} == {
        case[0] for case in CASES if case[0].startswith("sentinel.")
    }


@table(CASES)
def test_a_check_says_what_is_wrong_with_sentinels(
    watched: Callable[[str], Any], case: Case
) -> None:
    findings = among(watched("redis-7.0"), case)
    assert all(one.hint for one in findings if one.status is FAIL)


def test_whom_they_name_is_never_told_to_follow(watched: Callable[[str], Any]) -> None:
    """Right after a failover: the old primary is back, and a replica still follows it."""
    stage = watched("redis-7.0").info("node3", role="master")
    heir = stage.named("node3")
    stage = _all(stage, endpoint=heir.endpoint)
    hints = {one.hint for one in stage.findings("replication.shape") if one.hint}
    assert any(f"--node node1 REPLICAOF {heir.host} {heir.port}" in one for one in hints)
    assert not any("--node node3 REPLICAOF" in one for one in hints)


def test_strangers_sentinels_are_judged_without_any_plan(watched: Callable[[str], Any]) -> None:
    nothing = {"shards": None, "replicas": None, "sentinels": None, "auth": None, "host": None}
    stage = watched("redis-7.0").expect(**nothing, config=None, configs=None)
    assert failed_findings(judge(stage.seen, stage.expected)) == ()


def test_a_sentinel_without_a_primary_is_why_others_receive_no_hello(
    watched: Callable[[str], Any],
) -> None:
    """It publishes its hello at the primary, so that `up`, which names one again, repairs both."""
    stage = watched("redis-7.0").node("sentinel1", watches=())
    stage = _peer(stage, "sentinel2", "sentinel1", hello_age=60_000)
    (found,) = stage.findings("sentinel.hello")
    assert found.because_of == ("sentinel.primary sentinel1",)
    stage = _peer(stage, "sentinel2", "sentinel3", hello_age=60_000)
    (found,) = stage.findings("sentinel.hello")
    assert found.because_of == ()
