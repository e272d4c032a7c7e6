"""Who takes over in a planned handover, and who can't: on snapshots of real servers, edited."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.handover import FAR_BEHIND, plan_handover, preferring, unfit_reason
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.sentinel_replies import MonitoredPrimary, Peer
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.selector import select_nodes
from redistopo.model.topology.spec import Shape

Seen = Callable[[str, str], Observed]


def _edited(seen: Observed, name: str, **info: object) -> Observed:
    """The snapshot with a node that says something else in INFO."""
    told = {key: str(value) for key, value in info.items()}
    nodes = tuple(
        replace(node, info={**node.info, **told}) if node.name == name else node
        for node in seen.nodes
    )
    return replace(seen, nodes=nodes)


def _silent(seen: Observed, *names: str) -> Observed:
    nodes = tuple(
        replace(node, info={}, members=(), error="it is stopped") if node.name in names else node
        for node in seen.nodes
    )
    return replace(seen, nodes=nodes)


def _found(seen: Observed, words: str = "") -> str:
    found = plan_handover(seen, select_nodes(seen, words.split()))
    return f"{found.shard}: {found.before.name} {found.after.name}"


@pytest.mark.parametrize(
    ("shape", "words", "found"),
    [
        ("replication", "", "1: node1 node2"),
        ("replication", "node3", "1: node1 node3"),
        ("replication", "replica", "1: node1 node2"),
        ("replication", "node1", "1: node1 node1"),
        ("replication", "primary", "1: node1 node1"),
        ("replication", "node1 node3", "1: node1 node3"),
        ("cluster", "shard:2", "2: node2 node5"),
        ("cluster", "shard:2 replica", "2: node2 node5"),
        ("cluster", "node4", "1: node1 node4"),
        ("cluster", "node3", "3: node3 node3"),
    ],
)
def test_who_takes_over(
    observed: Seen, engine_name: str, shape: str, words: str, found: str
) -> None:
    assert _found(observed(engine_name, shape), words) == found


def test_the_one_with_the_most_takes_over(observed: Seen) -> None:
    seen = observed("redis-7.0", "replication")
    most = max(node.offset for node in seen.nodes) + 5
    assert _found(_edited(seen, "node3", slave_repl_offset=most)) == "1: node1 node3"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"master_link_status": "down"}, "its link to node1 is down"),
        (
            {"master_link_status": "down", "master_sync_in_progress": 1},
            "a full sync from node1 is in progress",
        ),
        ({"loading": 1}, "it is loading its data"),
        ({"slave_priority": 0}, "its replica-priority is 0; use its name to promote it anyway"),
    ],
)
def test_an_unfit_replica_is_passed_over(observed: Seen, said: dict[str, object], why: str) -> None:
    seen = _edited(observed("valkey-8.1", "replication"), "node2", **said)
    assert unfit_reason(seen.nodes[0], seen.nodes[1]) == why
    assert _found(seen) == "1: node1 node3"
    if "slave_priority" in said:
        assert _found(seen, "node2") == "1: node1 node2"
        return
    with pytest.raises(RedistopoError, match="node2 can't take over now") as error:
        _found(seen, "node2")
    assert error.value.detail == f"node2: {why}"


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        ("state=wait_bgsave,offset=0,lag=0", "node1 has it as wait_bgsave"),
        ("state=online,offset=0,lag=12", "it sent no acknowledgement for 12 s"),
    ],
)
def test_what_the_primary_says_of_it(observed: Seen, listed: str, why: str) -> None:
    seen = observed("redis-8.2", "replication")
    port = seen.nodes[1].port
    slot = next(key for key, text in seen.nodes[0].info.items() if f"port={port}," in text)
    edited = _edited(seen, "node1", **{slot: f"ip=127.0.0.1,port={port},{listed}"})
    assert unfit_reason(edited.nodes[0], edited.nodes[1]) == why
    gone = _edited(seen, "node1", connected_slaves=0)
    assert unfit_reason(gone.nodes[0], gone.nodes[1]) == "node1 doesn't list it"


def test_one_that_is_far_behind(observed: Seen) -> None:
    seen = observed("redis-8.2", "replication")
    far = _edited(seen, "node1", master_repl_offset=seen.nodes[1].offset + FAR_BEHIND + 1)
    assert unfit_reason(far.nodes[0], far.nodes[1]) == f"it is {FAR_BEHIND + 1} bytes behind"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"flags": frozenset({"slave", "fail?"})}, "node1 has no bus link to it"),
        ({"linked": False}, "node1 has no bus link to it"),
        ({"id": "f" * 40}, "node1 has no bus link to it"),
    ],
)
def test_other_nodes_must_hear_it(observed: Seen, change: dict[str, object], why: str) -> None:
    seen = observed("redis-7.0", "cluster")
    primary, replica = seen.nodes[0], seen.nodes[3]
    assert unfit_reason(primary, replica) == ""
    members = tuple(
        replace(one, **change) if one.port == replica.port else one  # type: ignore[arg-type]
        for one in primary.members
    )
    assert unfit_reason(replace(primary, members=members), replica) == why


def test_nobody_could(observed: Seen) -> None:
    seen = _silent(_edited(observed("redis-6.2", "replication"), "node3", loading=1), "node2")
    with pytest.raises(RedistopoError, match="no replica of shard 1 can") as error:
        _found(seen)
    assert error.value.detail.splitlines() == [
        "node3: it is loading its data",
        "node2: it doesn't reply: it is stopped",
    ]


@pytest.mark.parametrize(
    ("shape", "silent", "words", "error", "says"),
    [
        ("cluster", "", "", UsageError, "3 shards are selected, but only one can fail over"),
        ("cluster", "", "node1 node5", UsageError, "2 shards are selected"),
        ("cluster", "node1", "shard:1", RedistopoError, "the primary of shard 1 doesn't reply"),
        ("cluster", "node4", "node4", RedistopoError, "node4 doesn't reply"),
        ("replication", "node1", "", RedistopoError, "the primary of shard 1 doesn't reply"),
        ("replication", "node2", "node2", RedistopoError, "node2 can't take over now"),
        ("replication", "node1 node2 node3", "", RedistopoError, "node1, node2, node3 don't reply"),
    ],
)
def test_what_is_refused(
    observed: Seen,
    *,
    shape: str,
    silent: str,
    words: str,
    error: type[RedistopoError],
    says: str,
) -> None:
    seen = _silent(observed("valkey-9.1", shape), *silent.split())
    with pytest.raises(error, match=says):
        _found(seen, words)


def test_a_shard_without_replica(observed: Seen) -> None:
    seen = observed("redis-8.2", "cluster")
    alone = replace(seen, nodes=tuple(node for node in seen.nodes if node.name != "node4"))
    for words in ("shard:1", "node1"):
        with pytest.raises(UsageError, match="shard 1 has no replica"):
            _found(alone, words)


def test_a_single_server(observed: Seen) -> None:
    seen = observed("redis-8.2", "replication")
    alone = replace(seen, shape=Shape.STANDALONE, nodes=seen.nodes[:1])
    with pytest.raises(UsageError, match="no replica to promote"):
        _found(alone)


@pytest.mark.parametrize(
    ("usual", "wanted"),
    [
        ({"a": 100, "b": 100, "c": 100}, {"a": 1, "b": 100, "c": 100}),
        ({"a": 100}, {"a": 100}),
        ({"a": 0}, {"a": 1}),
        ({"a": 100, "b": 0}, {"a": 100, "b": 0}),
        ({"a": 10, "b": 100}, {"a": 10, "b": 100}),
        ({"a": 100, "b": 10, "c": 1}, {"a": 1, "b": 10, "c": 2}),
        ({"a": 1, "b": 1}, {"a": 1, "b": 2}),
    ],
)
def test_priorities_by_which_sentinels_choose_one(
    usual: dict[str, int], wanted: dict[str, int]
) -> None:
    found = preferring(usual, "a")
    assert found == wanted
    able = {name: value for name, value in found.items() if value}
    assert [name for name in able if able[name] == min(able.values())] == ["a"]


def _watched(seen: Observed, **change: object) -> Observed:
    """The snapshot with three Sentinels; the first two of them see it otherwise, the third
    doesn't run where `alone`."""
    ports = (26379, 26380, 26381)
    alone = change.pop("alone", False)
    nodes = list(seen.nodes)
    for number, port in enumerate(ports, start=1):
        peers = tuple(
            Peer(id=str(at), endpoint=Endpoint("127.0.0.1", at), flags=frozenset({"sentinel"}))
            for at in ports
            if at != port
        )
        watch = MonitoredPrimary(
            name="shop",
            endpoint=seen.nodes[0].endpoint,
            flags=frozenset({"master"}),
            epoch=1,
            settings={},
            sentinels=peers,
            quorum="OK 3 usable Sentinels",
        )
        away = alone and number > 1
        nodes.append(
            NodeSeen(
                name=f"sentinel{number}",
                endpoint=Endpoint("127.0.0.1", port),
                info={} if away else {"redis_mode": "sentinel"},
                error="it is stopped" if away else "",
                watches=() if away else (replace(watch, **change),),  # type: ignore[arg-type]
            )
        )
    return replace(seen, shape=Shape.SENTINEL, nodes=tuple(nodes))


def test_sentinels_agree_to_hand_over(observed: Seen) -> None:
    seen = observed("redis-7.0", "replication")
    assert _found(_watched(seen)) == "1: node1 node2"
    assert _found(_watched(seen), "node3") == "1: node1 node3"
    assert _found(_watched(seen), "node3 sentinel1") == "1: node1 node3"
    with pytest.raises(UsageError, match="sentinel2 is a Sentinel"):
        _found(_watched(seen), "sentinel2")
    with pytest.raises(UsageError, match="sentinel2 is a Sentinel"):
        _found(_watched(seen, alone=True), "sentinel2")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"alone": True}, "1 of 3 Sentinels reply, 2 are needed"),
        ({"quorum": "NOQUORUM 1 usable"}, "sentinel1: NOQUORUM 1 usable"),
        (
            {"endpoint": Endpoint("127.0.0.1", 1)},
            "sentinel2: names 127.0.0.1:1 as primary, not node1",
        ),
    ],
)
def test_sentinels_that_would_not(observed: Seen, change: dict[str, object], says: str) -> None:
    with pytest.raises(RedistopoError, match="Sentinels can't fail over") as error:
        _found(_watched(observed("valkey-9.1", "replication"), **change))
    assert says in error.value.detail
