"""What is lost while nodes are gone, told by what the nodes are now."""

from collections.abc import Callable

import pytest
from support.guarded import edited, guarded, silent, without

from redistopo.model.planning.impact import losses
from redistopo.model.state.observed import Observed

Seen = Callable[[str, str], Observed]


# the samples: node1 to node3 lead, node4 to node6 follow them in this order
@pytest.mark.parametrize(
    ("going", "gone", "told"),
    [
        ("", "", []),
        ("node5", "", ["shard 2: node2 has no replica in the meantime"]),
        ("node2", "", ["shard 2: node5 takes over from node2 after the node timeout"]),
        ("node2 node5", "", ["shard 2 has no other node that replies: slots 5461-10922"]),
        ("node2", "node5", ["shard 2 has no other node that replies: slots 5461-10922"]),
        ("node1 node2", "", ["no replica takes over from node1, since 1 of 3", "from node2"]),
        ("node1 node2 node3 node4 node5 node6", "", ["no other node replies"]),
        ("node5", "node5", []),
    ],
)
def test_of_a_cluster(
    observed: Seen, engine_name: str, going: str, gone: str, told: list[str]
) -> None:
    found = losses(silent(observed(engine_name, "cluster"), *gone.split()), going.split())
    assert len(found) == len(told)
    assert all(part in one for part, one in zip(told, found, strict=True))


@pytest.mark.parametrize(
    ("going", "told"),
    [
        ("node1", ["node1 is the primary: no writes are possible in the meantime"]),
        ("node2", []),
        ("node2 node3", ["node1 has no replica in the meantime"]),
        ("node1 node2 node3", ["no other node replies"]),
    ],
)
def test_of_a_replication(observed: Seen, engine_name: str, going: str, told: list[str]) -> None:
    assert list(losses(observed(engine_name, "replication"), going.split())) == told


JUST = "2 of 3 Sentinels are left, just enough for a failover"
FEW = "1 of 3 Sentinels is left: no failover until 2 run"
NONE = "no Sentinel is left: clients find no primary, and there is no failover"
BOTH = "node1 is the primary: the Sentinels promote one of node2, node3 after 5 s"


@pytest.mark.parametrize(
    ("going", "gone", "told"),
    [
        ("sentinel1", "", [JUST]),
        ("sentinel1", "sentinel1", []),
        ("sentinel1", "sentinel2", [FEW]),
        ("sentinel1 sentinel2 sentinel3", "", [NONE]),
        ("node2", "", []),
        ("node2 node3", "", ["node1 has no replica in the meantime"]),
        ("node1", "", [BOTH]),
        ("node1", "node3", ["node1 is the primary: the Sentinels promote node2 after 5 s"]),
        ("node1", "sentinel1 sentinel3",
         ["node1 is the primary, without failover: 1 of 3 Sentinels is no majority"]),
        ("node1 sentinel3", "", [JUST, BOTH]),
        ("node1 node2 node3", "", ["no other data node replies"]),
        ("node1 node3", "node2", ["no other data node replies"]),
    ],
)  # fmt: skip
def test_where_sentinels_watch(
    observed: Seen, engine_name: str, going: str, gone: str, told: list[str]
) -> None:
    seen = without(guarded(observed(engine_name, "replication")), *gone.split())
    assert list(losses(seen, going.split())) == told


def test_who_cannot_take_over_or_agree(observed: Seen) -> None:
    seen = guarded(observed("redis-8.2", "replication"))
    for name in ("node2", "node3"):
        node = next(one for one in seen.nodes if one.name == name)
        seen = edited(seen, name, info={**node.info, "slave_priority": "0"})
    assert "no replica can take over" in losses(seen, ["node1"])[0]
    seen = guarded(observed("redis-8.2", "replication"))
    for name in ("sentinel1", "sentinel2"):  # they stood still: 30 s without a say
        seen = edited(seen, name, info={"redis_mode": "sentinel", "sentinel_tilt": "1"})
    assert "1 of 3 Sentinels is no majority" in losses(seen, ["node1"])[0]
