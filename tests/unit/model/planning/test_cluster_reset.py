"""What a reset takes, and when it is refused: captured topologies, edited."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.plan_node_reset import NodeReset, plan_reset
from redistopo.model.state.observed import NodeSeen, Observed, Role

Seen = Callable[[str, str], Observed]


def _with_keys(seen: Observed, *names: str) -> Observed:
    """Those nodes hold three keys each, all others none."""
    return _keyed(seen, **dict.fromkeys(names, 3))


def _keyed(seen: Observed, **keys: int) -> Observed:
    """Those nodes hold that many keys, all others none."""

    def keyed(node: NodeSeen) -> NodeSeen:
        info = {name: text for name, text in node.info.items() if not name.startswith("db")}
        held = {"db0": f"keys={keys[node.name]},expires=0,avg_ttl=0"} if node.name in keys else {}
        return replace(node, info={**info, **held})

    return replace(seen, nodes=tuple(keyed(node) for node in seen.nodes))


def _says(seen: Observed, name: str, **info: str) -> Observed:
    """That node says so in INFO."""
    nodes = tuple(
        replace(one, info={**one.info, **info}) if one.name == name else one for one in seen.nodes
    )
    return replace(seen, nodes=nodes)


def _silent(seen: Observed, *names: str) -> Observed:
    gone: dict[str, object] = {"info": {}, "members": (), "error": "gone"}
    nodes = tuple(replace(one, **gone) if one.name in names else one for one in seen.nodes)  # type: ignore[arg-type]
    return replace(seen, nodes=nodes)


def _of(seen: Observed, name: str, *, hard: bool = False) -> NodeReset:
    return plan_reset(seen, next(one for one in seen.nodes if one.name == name), hard=hard)


def _replica_of(seen: Observed, name: str) -> str:
    address = next(one.address for one in seen.nodes if one.name == name)
    return next(one.name for one in seen.nodes if one.follows == address)


def test_a_replicas_keys_are_its_primarys(observed: Seen, engine_name: str) -> None:
    seen = observed(engine_name, "cluster")
    primary = next(one.name for one in seen.nodes if one.address == seen.nodes[3].follows)
    found = _of(_with_keys(seen, "node4", primary), "node4")
    assert (found.role, found.keys, found.lost, found.heir) == (Role.REPLICA, 3, "", "")
    assert "3 keys kept: another node has the same data" in found.sentences
    assert f"shard {found.shard} has one replica less until redistopo up" in found.sentences


DOWN = {"master_link_status": "down"}
SYNCING = {"master_sync_in_progress": "1"}
LOST = "lost: no other node that replies has its data"


@pytest.mark.parametrize(
    ("info", "keys", "primarys", "said"),
    [
        ({}, 100, 2, "100 keys kept: another node has the same data"),
        (DOWN, 100, 2, f"100 keys {LOST} (node1 has 2 keys, but isn't linked)"),
        (SYNCING, 100, 2, f"100 keys {LOST} (node1 has 2 keys, but isn't linked)"),
        (DOWN, 1, 0, f"1 key {LOST}"),
        (DOWN, 2, 2, "2 keys: node1 has as many, but isn't linked: they may differ"),
        (DOWN, 2, 100, "2 keys: node1 has as many, but isn't linked: they may differ"),
        (DOWN, 0, 2, "it has no keys"),
    ],
)
def test_keys_elsewhere_are_a_replicas_keys_only_while_it_is_linked(
    observed: Seen, info: dict[str, str], keys: int, primarys: int, said: str
) -> None:
    held = {name: n for name, n in (("node4", keys), ("node1", primarys)) if n}
    seen = _keyed(observed("redis-8.2", "cluster"), **held)
    found = _of(_says(seen, "node4", **info), "node4")
    assert said in found.sentences
    assert found.lost == (said if "lost" in said else "")
    assert found.instead == ""


def test_a_replica_without_a_primary_is_measured_by_the_other_replicas(observed: Seen) -> None:
    seen = observed("redis-8.2", "cluster")
    fourth = next(one.myself for one in seen.nodes if one.name == "node4")
    assert fourth is not None
    nodes = tuple(
        replace(
            one,
            members=tuple(
                replace(member, primary_id=fourth.primary_id) if member.myself else member
                for member in one.members
            ),
        )
        if one.name == "node5"
        else one
        for one in seen.nodes
    )
    both = _silent(replace(seen, nodes=nodes), "node1")
    fewer = _of(_keyed(both, node4=100, node5=99), "node4")
    assert fewer.lost.endswith("(node5 has 99 keys, but isn't linked)")
    assert _of(_keyed(both, node4=100, node5=100), "node4").alike == "node5"


@pytest.mark.parametrize(("info", "lost"), [({}, False), (DOWN, True), (SYNCING, True)])
def test_a_primary_without_slots_has_its_keys_in_a_linked_replica_only(
    observed: Seen, info: dict[str, str], lost: bool
) -> None:
    """Nobody leads in its stead where it leads nothing."""
    seen = _keyed(observed("redis-8.2", "cluster"), node1=100, node4=2)
    nodes = tuple(
        replace(
            one,
            members=tuple(
                replace(member, slots=()) if member.myself else member for member in one.members
            ),
        )
        if one.name == "node1"
        else one
        for one in seen.nodes
    )
    found = _of(_says(replace(seen, nodes=nodes), "node4", **info), "node1")
    assert (found.heir, bool(found.lost)) == ("", lost)


def test_a_primary_hands_over_first(observed: Seen, engine_name: str) -> None:
    seen = observed(engine_name, "cluster")
    heir = _replica_of(seen, "node2")
    found = _of(_with_keys(seen, "node2", heir), "node2")
    assert (found.heir, found.lost, found.replicas) == (heir, "", (heir,))
    assert found.slots == "5461-10922"


def test_what_no_other_node_has_is_lost(observed: Seen) -> None:
    seen = observed("redis-8.2", "cluster")
    heir = _replica_of(seen, "node2")
    found = _of(_silent(_with_keys(seen, "node2", heir), heir), "node2", hard=True)
    assert found.lost == "3 keys lost: no other node that replies has its data"
    assert found.instead == f"{heir} may have it: redistopo start"
    assert "slots 5461-10922 are unavailable until redistopo up" in found.sentences
    assert found.sentences[-1].endswith("is replaced")
    primary = next(one.name for one in seen.nodes if one.address == seen.nodes[3].follows)
    only = _of(_silent(_with_keys(seen, "node4", primary), primary), "node4")
    assert only.lost.startswith("3 keys lost")


def test_who_stands_still_is_brought_back_by_resume(observed: Seen) -> None:
    seen = observed("redis-8.2", "cluster")
    heir = _replica_of(seen, "node2")
    silent = _silent(_with_keys(seen, "node2", heir), heir)
    nodes = tuple(replace(one, paused=one.name == heir) for one in silent.nodes)
    found = _of(replace(silent, nodes=nodes), "node2")
    assert found.instead == f"{heir} may have it: redistopo resume"


def test_an_empty_primary_loses_nothing_but_its_slots(observed: Seen) -> None:
    seen = observed("redis-8.2", "cluster")
    found = _of(_with_keys(_silent(seen, _replica_of(seen, "node2"))), "node2")
    assert (found.keys, found.lost) == (0, "")


def test_a_replica_that_can_not_lead_now_keeps_its_primary_from_a_reset(observed: Seen) -> None:
    seen = observed("redis-8.2", "cluster")
    heir = _replica_of(seen, "node2")
    with pytest.raises(RedistopoError, match="take over now"):
        _of(_says(seen, heir, master_link_status="down"), "node2")


@pytest.mark.parametrize("shape", ["replication"])
def test_other_shapes_have_nothing_to_reset(observed: Seen, shape: str) -> None:
    with pytest.raises(UsageError, match="only cluster nodes") as error:
        _of(observed("redis-8.2", shape), "node1")
    assert "down --wipe" in error.value.hint


def test_who_does_not_answer_can_not_be_reset(observed: Seen) -> None:
    with pytest.raises(RedistopoError, match="node4 doesn't reply") as error:
        _of(_silent(observed("redis-8.2", "cluster"), "node4"), "node4")
    assert error.value.hint == "redistopo start node4"


def test_the_last_node_is_not_reset(observed: Seen) -> None:
    others = [f"node{n}" for n in (1, 3, 4, 5, 6)]
    with pytest.raises(RedistopoError, match="the last node") as error:
        _of(_silent(observed("redis-8.2", "cluster"), *others), "node2")
    assert "down --wipe" in error.value.hint


def test_a_second_reset_has_nothing_to_do(observed: Seen) -> None:
    seen = _with_keys(observed("redis-8.2", "cluster"))
    me = seen.nodes[3].myself
    assert me is not None
    alone = replace(me, flags=frozenset({"myself", "master"}), primary_id="-")
    nodes = tuple(
        replace(one, members=(alone,), info={**one.info, "role": "master"})
        if one.name == "node4"
        else one
        for one in seen.nodes
    )
    assert _of(replace(seen, nodes=nodes), "node4").already
    assert not _of(replace(seen, nodes=nodes), "node4", hard=True).already
