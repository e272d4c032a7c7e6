"""The topology as it is drawn: who is where, also while he doesn't answer."""

from collections.abc import Callable
from dataclasses import replace

from redis.crc import key_slot
from support.edits import both, gone, info, promoted
from support.guarded import guarded
from support.looks import BEGIN

from redistopo.demo.topology_view import UNOWNED_SLOTS, TopologyView, topology_view
from redistopo.model.state.last_known import LastKnown, update_last_known
from redistopo.model.state.observed import Observed

Seen = Callable[[str, str], Observed]


def _drawn(*looks: Observed) -> TopologyView:
    found, known = TopologyView(), None
    for seen in looks:
        known = update_last_known(known, seen, BEGIN)
        found = topology_view(seen, known, found)
    return found


def _lines(found: TopologyView) -> list[str]:
    return [
        f"{shard.name}: " + ", ".join(f"{one.name} {one.role} {one.state}" for one in shard.nodes)
        for shard in found.shards
    ]


def test_a_cluster(observed: Seen, engine_name: str) -> None:
    found = _drawn(observed(engine_name, "cluster"))
    assert _lines(found) == [
        "shard 1: node1 primary up, node4 replica up",
        "shard 2: node2 primary up, node5 replica up",
        "shard 3: node3 primary up, node6 replica up",
    ]
    assert [shard.name for shard in (found.shard_of(0), found.shard_of(16383)) if shard] == [
        "shard 1",
        "shard 3",
    ]
    sent = found.message("")
    assert sent["sentinels"] == []
    assert sent["shards"][0]["slots"] == "0-5460"  # type: ignore[index]


def test_an_id_in_each_shard(observed: Seen) -> None:
    def key_of(id: str) -> str:
        return f"data:{id}"

    whole = _drawn(observed("redis-7.0", "cluster"))
    found = whole.id_in_each_shard(key_of)
    assert list(found) == ["shard 1", "shard 2", "shard 3"]
    for name, id in found.items():
        shard = whole.shard_of(key_slot(key_of(id).encode()))
        assert shard is not None
        assert shard.name == name
    lacking = replace(whole, shards=whole.shards[1:])
    assert list(lacking.id_in_each_shard(key_of)) == ["shard 2", "shard 3", UNOWNED_SLOTS]
    assert list(_drawn(observed("redis-7.0", "replication")).id_in_each_shard(key_of)) == [
        "shard 1"
    ]


def test_a_dead_primary_stays_where_it_was(observed: Seen) -> None:
    seen = observed("redis-7.0", "cluster")
    dead = gone("node1")(seen)
    after = both(promoted("node4", "node1"), gone("node1"))(seen)
    assert _lines(_drawn(seen, dead))[0] == "shard 1: node1 primary gone, node4 replica up"
    assert _lines(_drawn(seen, dead, after))[0] == "shard 1: node4 primary up, node1 unknown gone"
    assert _drawn(seen, dead, after).primary() is not None


def test_a_shard_without_anybody_keeps_its_name(observed: Seen) -> None:
    seen = observed("redis-7.0", "cluster")
    away = both(gone("node1"), gone("node4"))(seen)
    assert _lines(_drawn(seen, away)) == [
        "shard 1: node1 primary gone, node4 replica gone",
        "shard 2: node2 primary up, node5 replica up",
        "shard 3: node3 primary up, node6 replica up",
    ]


def test_sentinels_stand_beside(observed: Seen) -> None:
    found = _drawn(guarded(observed("redis-7.0", "replication")))
    assert _lines(found) == ["shard 1: node1 primary up, node2 replica up, node3 replica up"]
    assert [one.name for one in found.sentinels] == ["sentinel1", "sentinel2", "sentinel3"]
    assert [one.name for one in found.replicas()] == ["node2", "node3"]
    assert found.only_shard == "shard 1"


def test_nobody_leads(observed: Seen) -> None:
    seen = observed("redis-7.0", "replication")
    found = _drawn(seen, gone("node1")(seen))
    assert found.primary() is None
    assert [one.name for one in found.replicas()] == ["node2", "node3"]
    assert (found.stays_without_primary, _drawn(seen).stays_without_primary) == (True, False)
    guard = guarded(seen)
    assert not _drawn(guard, gone("node1")(guard)).stays_without_primary


def test_a_replica_that_lost_its_primary_is_not_read_from_while_that_one_leads(
    observed: Seen,
) -> None:
    seen = info("node2", master_link_status="down")(observed("redis-7.0", "replication"))
    assert [one.name for one in _drawn(seen).replicas()] == ["node3"]
    found = _drawn(seen, gone("node1")(seen))
    assert [one.name for one in found.replicas()] == ["node2", "node3"]


def test_a_replica_that_still_follows_a_dead_primary_is_not_read_from_once_another_leads(
    observed: Seen,
) -> None:
    """Its link counts as up for a minute where that primary is frozen (repl-timeout)."""
    seen = observed("redis-7.0", "replication")
    after = both(info("node2", role="master"), gone("node1"))(seen)
    found = _drawn(seen, after)
    assert found.primary() == found.node("node2")
    assert found.replicas() == ()
    assert not found.stays_without_primary


def test_nothing_was_seen_before(observed: Seen) -> None:
    nothing = Observed(shape=observed("redis-7.0", "cluster").shape, nodes=())
    known: LastKnown = update_last_known(None, nothing, BEGIN)
    assert topology_view(nothing, known, TopologyView()).shards == ()
