"""Versions, memory and settings that no file has, on changed snapshots of real servers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.cases import Case, among, table

from redistopo.model.state.finding import Status, has_permanent_failure

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL

Scenes = Callable[[str, str], Any]

FULL = {"maxmemory": 1000, "used_memory": 2000, "mem_not_counted_for_evict": 0}
OOM = "OOM command not allowed when used memory > 'maxmemory'."


def _full(scene: Any, **more: object) -> Any:
    return scene.info("node1", **(FULL | more))


def _every(scene: Any, **settings: str) -> Any:
    for node in scene.seen.nodes:
        scene = scene.config(node.name, **settings)
    return scene


def _of(scene: Any, name: str, version: str, **more: object) -> Any:
    """The node runs that version of Redis."""
    return scene.info(name, redis_version=version, valkey_version="", **more)


CASES: list[Case] = [
    ("memory.full", OK, "topology", "maxmemory isn't reached", lambda s: s),
    ("memory.full", FAIL, "node1", "policy noeviction", _full),
    ("memory.full", OK, "topology", "evicted", lambda s: _full(s, used_memory=999)),
    (
        "memory.full",
        OK,
        "topology",
        "evicted",  # buffers of replicas and of the log don't count
        lambda s: _full(s, mem_not_counted_for_evict=1500),
    ),
    (
        "memory.full",
        OK,
        "topology",
        "evicted",
        lambda s: _full(s, maxmemory_policy="allkeys-lru", db0="keys=1,expires=0"),
    ),
    (
        "memory.full",
        FAIL,
        "node1",
        "policy volatile-lru",
        lambda s: _full(s, maxmemory_policy="volatile-lru", db0="keys=1,expires=0"),
    ),
    (
        "memory.full",
        FAIL,
        "node1",
        "policy allkeys-lru",  # nothing is left to evict
        lambda s: _full(s, maxmemory_policy="allkeys-lru", db0="keys=0,expires=0"),
    ),
    (
        "memory.full",
        FAIL,
        "node1",
        "refuses writes",  # it hovers at its limit, and the write probe was refused
        lambda s: _full(s, used_memory=990).proofs(error=OOM),
    ),
    ("node.versions", OK, "topology", "6 nodes", lambda s: s),
    ("node.versions", OK, "topology", "6 nodes", lambda s: s.expect(engine="/a/redis-server")),
    (
        "node.versions",
        WARN,
        "topology",
        "asks for valkey 5, but the servers run",
        lambda s: s.expect(engine="valkey 5"),
    ),
    (
        "node.versions",
        WARN,
        "topology",
        "2 versions run",
        lambda s: s.info("node2", redis_version="6.2.1", valkey_version=""),
    ),
    (
        "node.versions",
        FAIL,
        "node4",
        "Redis 6.2.1 can't load what its primary node1, Redis 8.2.3, sends",
        lambda s: _of(_of(s, "node1", "8.2.3"), "node4", "6.2.1", master_link_status="down"),
    ),
    (
        "node.versions",
        WARN,
        "topology",
        "Redis 6.2.1 on node4",  # its link is up: it goes on from where it was
        lambda s: _of(_of(s, "node1", "8.2.3"), "node4", "6.2.1"),
    ),
    (
        "node.versions",
        FAIL,
        "topology",
        "can't be in one cluster",
        lambda s: _of(s, "node2", "8.2.3").info("node3", valkey_version="8.1.8"),
    ),
    ("config.uneven", OK, "topology", "6 nodes have the same settings", lambda s: s),
    (
        "config.uneven",
        WARN,
        "node2",
        "timeout is 77, not 0 (set at runtime)",
        lambda s: s.config("node2", timeout="77"),
    ),
    (
        "config.uneven",
        WARN,
        "node6",
        "timeout is 77, not 0",  # on every node: nothing to compare it with but the default
        lambda s: _every(s, timeout="77"),
    ),
    (
        "config.uneven",
        WARN,
        "node2",
        "slowlog-max-len is 9, not 128",
        lambda s: s.config("node2", slowlog_max_len="9"),
    ),
    (
        "config.uneven",
        OK,
        "topology",
        "6 nodes",  # config.drift judges what is rendered
        lambda s: s.config("node2", appendonly="no"),
    ),
]


@table(CASES)
def test_settings(engine_name: str, scene: Scenes, case: Case) -> None:
    among(scene(engine_name, "cluster"), case)


def test_a_full_server_is_nothing_to_wait_for(scene: Scenes) -> None:
    judged = _full(scene("valkey-8.1", "replication")).proofs(error=OOM).judged
    assert has_permanent_failure(judged)
    proof = next(one for one in judged if one.check == "data.proof")
    assert proof.because_of == ("memory.full node1",)


def test_nodes_of_strangers_are_compared_with_each_other(scene: Scenes) -> None:
    stage = scene("valkey-8.1", "cluster").expect(host=None, config=None)
    assert [one.status for one in _every(stage, timeout="77").findings("config.uneven")] == [OK]
    (found,) = stage.config("node2", timeout="77").findings("config.uneven")
    assert (found.status, found.subject) == (WARN, "node2")


@pytest.mark.parametrize("name", ["masterauth", "requirepass"])
def test_secrets_are_not_compared(scene: Scenes, name: str) -> None:
    stage = scene("valkey-8.1", "cluster").expect(host=None, config=None)
    (found,) = stage.config("node2", **{name: "live-secret"}).findings("config.uneven")
    assert found.status is OK


@pytest.mark.parametrize(
    ("error", "status", "permanent"),
    [
        ("NOPERM this user has no permissions to run the 'set' command", WARN, False),
        ("NOREPLICAS Not enough good replicas to write.", FAIL, True),
        ("127.0.0.1:7001 doesn't reply: timed out", FAIL, False),
    ],
)
def test_a_write_that_is_refused(
    scene: Scenes, error: str, status: Status, permanent: bool
) -> None:
    stage = scene("valkey-8.1", "replication").config("node1", min_replicas_to_write="3")
    seen = replace(stage.proofs(error=error).seen)
    (found,) = replace(stage, seen=seen).findings("data.proof")
    assert found.status is status
    assert (found.status is FAIL and not found.settles) is permanent


def test_after_a_write_without_a_reply_the_hint_ends_a_pause(scene: Scenes) -> None:
    """Before Valkey 8.1, and on every Redis, INFO does not report that clients are paused."""
    stage = scene("valkey-8.1", "replication")
    (found,) = stage.proofs(error="127.0.0.1:7001 doesn't reply: timed out").findings("data.proof")
    assert found.hint.endswith(" CLIENT UNPAUSE")
    (found,) = stage.proofs(error="LOADING Redis is loading").findings("data.proof")
    assert "CLIENT" not in found.hint
