"""Checks that can't read what they judge: unknown, or failed by what else is known, never ok."""

from collections.abc import Callable
from typing import Any

import pytest
from support.cases import Shaped, among, table

from redistopo.model.state.finding import Status

OK, FAIL, UNKNOWN = Status.OK, Status.FAIL, Status.UNKNOWN

REPLIES = (
    "ERR unknown command 'CONFIG'",
    "NOPERM User mon has no permissions to run the 'config|get' command",
    "ERR command not allowed",
)
"""Unknown, as renamed too; no permission; refused by a proxy."""


def _unread(scene: Any, reply: str = REPLIES[0], **info: object) -> Any:
    """Every node refuses CONFIG GET."""
    scene = scene.every(config=None, listening=None, refused={"CONFIG GET": reply})
    for node in scene.seen.nodes:
        scene = scene.info(node.name, **info)
    return scene


CASES: list[Shaped] = [
    ("config.drift", "cluster", UNKNOWN, "node1", "CONFIG GET: ERR unknown command", _unread),
    ("access.bind", "cluster", UNKNOWN, "node2", "bind addresses are unknown", _unread),
    ("data.kept", "cluster", OK, "topology", "data is written to disk", _unread),  # in the log
    (
        "data.kept",
        "cluster",
        UNKNOWN,
        "node3",
        "whether it takes snapshots is unknown",
        lambda s: _unread(s, aof_enabled=0),
    ),
    (
        "data.kept",
        "cluster",
        FAIL,
        "node3",
        "the last RDB snapshot failed",
        lambda s: _unread(s, aof_enabled=0, rdb_last_bgsave_status="err"),
    ),
    (
        "failover.ready",
        "cluster",
        FAIL,
        "shard 1",
        "cluster-replica-no-failover is set",
        lambda s: _unread(s).member(
            "node4", "node4", flags=frozenset({"myself", "slave", "nofailover"})
        ),
    ),
]


@table(CASES)
def test_a_check_that_reads_nothing_is_never_ok(
    engine_name: str, scene: Callable[[str, str], Any], case: Shaped
) -> None:
    check, shape, *rest = case
    among(scene(engine_name, shape), (check, *rest))


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("check", ["config.drift", "access.bind", "data.kept"])
def test_any_refusal_of_config_is_shown_with_what_to_do(
    scene: Callable[[str, str], Any], check: str, reply: str
) -> None:
    found = _unread(scene("redis-7.0", "replication"), reply, aof_enabled=0).findings(check)
    assert [one.status for one in found] == [UNKNOWN] * 3
    assert all(reply in one.evidence and one.hint for one in found)
