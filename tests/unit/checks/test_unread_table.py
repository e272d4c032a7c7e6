"""Every check, each of its reads, each way in which a read fails: what wasn't read isn't ok."""

from collections.abc import Callable
from typing import Any

import pytest
from support.guarded import guarded
from support.unread import READ_BY, READS, WAYS, judged_fully

from redistopo.checks.catalogue import CHECKS
from redistopo.model.state.finding import Status
from redistopo.model.topology.spec import Shape

CASES = [(check, read, way) for check, reads in READ_BY.items() for read in reads for way in WAYS]

NOT_KNOWN = {
    *((read, way) for read in ("CONFIG GET", "ACL LIST", "CLUSTER SLOTS") for way in WAYS),
    *(("PING without a password", way) for way in ("unknown command", "renamed", "time-out")),
    *((read, "time-out") for read in ("the failover's commands", "test logins")),
}
"""Reads of which nothing else is known; a refusal of a login or a write is itself a verdict."""


def _healthy(scene: Callable[[str, str], Any], check: str) -> Any:
    """A scene of a shape that the check applies to."""
    shapes = next(one.shapes for one in CHECKS if one.id == check)
    if Shape.CLUSTER in shapes and check != "failover.ready":
        return judged_fully(scene("redis-7.0", "cluster"))
    found = scene("redis-7.0", "replication")
    return judged_fully(found._with(guarded(found.seen)).expect(sentinels=3))


@pytest.mark.parametrize(("check", "read", "way"), CASES, ids=[": ".join(one) for one in CASES])
def test_what_could_not_be_read_is_not_called_ok(
    scene: Callable[[str, str], Any], check: str, read: str, way: str
) -> None:
    found = READS[read](_healthy(scene, check), WAYS[way]).findings(check)
    assert Status.OK not in {one.status for one in found}, found
    if (read, way) in NOT_KNOWN:
        assert Status.UNKNOWN in {one.status for one in found}, found
