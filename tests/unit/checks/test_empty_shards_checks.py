"""Shards without slots, on changed snapshots of real servers."""

from collections.abc import Callable
from typing import Any

import pytest
from support.cases import Case, among, table

from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.finding import Status

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL


def _moved(scene: Any) -> Any:
    """node2 owns the slots of node1, too, according to all nodes."""
    members = {
        "node1": {"slots": ()},
        "node2": {"slots": (SlotRange(0, scene.named("node2").myself.slots[-1].last),)},
    }
    for node in scene.seen.nodes:
        for about, fields in members.items():
            scene = scene.member(node.name, about, **fields)
    return scene


CASES: list[Case] = [
    ("cluster.empty-shards", OK, "topology", "3 of 3 shards have slots", lambda s: s),
    ("cluster.empty-shards", FAIL, "node1", "is a primary without slots", _moved),
    ("cluster.empty-shards", WARN, "node1", "is a primary without slots",
     lambda s: _moved(s.expect(host=None))),
]  # fmt: skip


@table(CASES)
def test_a_shard_without_slots_is_named(
    engine_name: str, scene: Callable[[str, str], Any], case: Case
) -> None:
    among(scene(engine_name, "cluster"), case)


@pytest.mark.parametrize(("shards", "settles"), [(3, False), (2, True)])
def test_only_a_node_too_many_may_still_join(
    scene: Callable[[str, str], Any], shards: int, settles: bool
) -> None:
    stage = _moved(scene("redis-7.0", "cluster")).expect(shards=shards)
    (found,) = stage.findings("cluster.empty-shards")
    assert found.settles is settles
