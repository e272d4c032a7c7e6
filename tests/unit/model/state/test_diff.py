"""What happened between two looks, told from edited samples of real servers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.edits import NOTHING, Edit, belief, both, gone, info, node, promoted, silent, state
from support.looks import BEGIN, brief, told_of

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.diff import BAD, GOOD, ChangeKind
from redistopo.model.state.last_known import LAG_BOUND, NodeCondition, condition
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState

Seen = Callable[[str, str], Observed]
_OTHERS = ("node2", "node3", "node4", "node5", "node6")

CLUSTER: list[tuple[str, Edit, list[str]]] = [
    ("nothing", both(), []),
    ("a node ended", gone("node1"), ["node1 gone"]),
    ("a node says nothing", silent("node5"), ["node5 silent"]),
    ("stopped", node("node2", paused=True, error="stopped", **NOTHING), ["node2 paused"]),
    ("a password", node("node2", error="rejected our password: WRONGPASS", **NOTHING),
     ["node2 denied"]),
    ("loading", info("node2", loading=1), ["node2 loading"]),
    ("another process", info("node2", run_id="0" * 40), ["node2 restarted"]),
    ("suspected", belief("node1", "node3", flags=frozenset({"master", "fail?"})), ["node1 pfail"]),
    ("failed", belief("node1", *_OTHERS, flags=frozenset({"master", "fail"})), ["node1 fail"]),
    ("the cluster fails", state("fail", "node1", "node2"), ["cluster-fail"]),
    ("taken over", both(promoted("node4", "node1"), gone("node1")),
     ["node1 gone", "node4 role", "node4 primary", "node4 epoch"]),
    ("slots moved", both(
        belief("node1", "node1", slots=(SlotRange(0, 5000),)),
        belief("node2", "node2", slots=(SlotRange(5001, 10922),)),
     ), ["node1 slots", "node2 slots"]),
    ("another epoch", belief("node3", "node3", epoch=70), ["node3 epoch"]),
    ("a replica's epoch is its primary's", belief("node6", "node6", epoch=70), []),
    ("the link is lost", info("node4", master_link_status="down"), ["node4 link-down"]),
    ("a sync", info("node1", sync_full=8), ["node1 resync"]),
    ("far behind", info("node1", master_repl_offset=LAG_BOUND * 9), ["node4 lagging"]),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "told"), [(e, t) for _, e, t in CLUSTER],
                         ids=[name for name, _, _ in CLUSTER])  # fmt: skip
def test_a_cluster(observed: Seen, engine_name: str, edit: Edit, told: list[str]) -> None:
    seen = observed(engine_name, "cluster")
    assert brief(told_of(seen, edit(seen))) == told


@pytest.mark.parametrize(("edit", "_told_"), [(e, t) for _, e, t in CLUSTER],
                         ids=[name for name, _, _ in CLUSTER])  # fmt: skip
def test_nothing_is_told_twice(observed: Seen, edit: Edit, _told_: list[str]) -> None:
    seen = observed("valkey-8.1", "cluster")
    assert told_of(seen, edit(seen), edit(seen)) == ()


BACK: list[tuple[str, Edit, list[str]]] = [
    ("a node ended", gone("node1"), ["node1 back"]),
    ("suspected", belief("node1", "node3", flags=frozenset({"master", "fail?"})),
     ["node1 cleared"]),
    ("the cluster fails", state("fail", "node1", "node2"), ["cluster-ok"]),
    ("the link is lost", info("node4", master_link_status="down"), ["node4 link-up"]),
    ("far behind", info("node1", master_repl_offset=LAG_BOUND * 9), ["node4 caught-up"]),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "told"), [(e, t) for _, e, t in BACK],
                         ids=[name for name, _, _ in BACK])  # fmt: skip
def test_and_back(observed: Seen, engine_name: str, edit: Edit, told: list[str]) -> None:
    seen = observed(engine_name, "cluster")
    assert brief(told_of(seen, edit(seen), seen)) == told


def test_the_first_look_says_what_nodes_are(observed: Seen, engine_name: str) -> None:
    found = told_of(gone("node2")(observed(engine_name, "replication")))
    assert [one.words for one in found] == [
        "primary",
        "its process isn't running",
        "replica of node1, link up",
    ]
    assert {one.kind for one in found} == {ChangeKind.NOW}


def test_words_of_a_takeover(observed: Seen, engine_name: str) -> None:
    seen = observed(engine_name, "cluster")
    told = told_of(seen, gone("node1")(seen), both(promoted("node4", "node1"), gone("node1"))(seen))
    words = {one.kind: one for one in told}
    assert words[ChangeKind.ROLE].words == "primary, was replica of node1"
    assert (words[ChangeKind.ROLE].was, words[ChangeKind.ROLE].now) == ("replica", "primary")
    assert words[ChangeKind.PRIMARY].words == "is primary of slots 0-5460, was node1"
    assert words[ChangeKind.EPOCH].now == "9"
    assert {one.at for one in told} == {BEGIN + timedelta(seconds=2)}


def test_a_primary_that_comes_back_claims_its_slots_too(observed: Seen) -> None:
    seen = observed("redis-8.2", "cluster")
    split = promoted("node4", "node1")(seen)
    told = [one for one in told_of(seen, split) if one.kind is ChangeKind.PRIMARY]
    assert [one.words for one in told] == [
        "is primary of slots 0-5460, was node1, which still claims to be primary too"
    ]


def test_what_a_node_was_is_remembered_while_it_is_silent(observed: Seen) -> None:
    seen = observed("redis-7.0", "replication")
    demoted = info(
        "node1", role="slave", master_host="127.0.0.1", master_port=seen.nodes[1].port,
        master_link_status="up",
    )(info("node2", role="master")(seen))  # fmt: skip
    found = told_of(seen, gone("node1")(seen), gone("node1")(seen), demoted)
    said = {(one.node, one.kind): one.words for one in found}
    assert said["node1", ChangeKind.BACK].startswith("replies after 2.0 s gone; replica of node2")
    assert said["node1", ChangeKind.ROLE] == "replica of node2, was primary"
    assert said["node2", ChangeKind.PRIMARY] == "is primary, was node1"


def test_a_dead_primary_that_others_still_follow_says_nothing(observed: Seen) -> None:
    seen = gone("node1")(observed("redis-8.2", "replication"))
    told = told_of(seen, info("node2", role="master")(seen))
    words = [one.words for one in told if one.kind is ChangeKind.PRIMARY]
    assert words == ["is primary, was node1"]


def test_a_shard_that_is_silent_as_a_whole_is_still_led(observed: Seen) -> None:
    seen = observed("valkey-9.1", "cluster")
    away = both(gone("node1"), gone("node4"))(seen)
    assert brief(told_of(seen, away)) == ["node1 gone", "node4 gone"]
    taken = both(promoted("node4", "node1"), gone("node1"))(seen)
    assert "node4 primary" in brief(told_of(seen, away, taken))


def test_nodes_join_and_leave(observed: Seen, engine_name: str) -> None:
    seen = observed(engine_name, "cluster")
    fewer = replace(seen, nodes=seen.nodes[:-1])
    assert brief(told_of(fewer, seen)) == ["node6 joined"]
    assert brief(told_of(seen, fewer)) == ["node6 left"]
    nobody = replace(seen, nodes=())
    assert brief(told_of(seen, nobody)) == [f"node{n} left" for n in range(1, 7)]


def test_lag_is_judged_with_some_inertia(observed: Seen) -> None:
    seen = observed("redis-6.2", "replication")
    at = seen.nodes[0].offset

    def ahead(share: float) -> Observed:
        return info("node1", master_repl_offset=at + int(LAG_BOUND * share))(seen)

    assert brief(told_of(seen, ahead(0.9))) == []
    assert "node2 lagging" in brief(told_of(seen, ahead(1.5)))
    assert brief(told_of(seen, ahead(1.5), ahead(0.9))) == []
    assert "node2 caught-up" in brief(told_of(seen, ahead(1.5), ahead(0.2)))


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"info": {"role": "master"}}, NodeCondition.WELL),
        ({"info": {"role": "master", "loading": "1"}}, NodeCondition.LOADING),
        ({"error": "x doesn't reply: connection refused"}, NodeCondition.GONE),
        ({"error": "x doesn't reply: connection refused", "process": ProcessState.RUNNING},
         NodeCondition.SILENT),
        ({"error": "x doesn't reply: timed out"}, NodeCondition.SILENT),
        ({"error": "x rejected our password: WRONGPASS"}, NodeCondition.DENIED),
        ({"error": "gone", "process": ProcessState.ABSENT}, NodeCondition.GONE),
        ({"error": "stopped", "process": ProcessState.RUNNING, "paused": True},
         NodeCondition.PAUSED),
    ],
)  # fmt: skip
def test_a_condition(fields: dict[str, Any], found: NodeCondition) -> None:
    assert condition(NodeSeen(name="n", endpoint=Endpoint("127.0.0.1", 7000), **fields)) is found


def test_every_kind_has_a_meaning_and_one_tone() -> None:
    assert all(kind.meaning for kind in ChangeKind)
    assert not BAD & GOOD


@given(data=st.data())
def test_any_two_looks_can_be_told(observed: Seen, data: st.DataObject) -> None:
    """In any order, from any engine, with any nodes missing: never an error, never a stranger."""
    edits = [edit for _, edit, _ in CLUSTER]
    looks = []
    for _ in range(data.draw(st.integers(1, 4))):
        seen = observed(data.draw(st.sampled_from(["redis-6.2", "valkey-9.1"])), "cluster")
        edit = both(*data.draw(st.lists(st.sampled_from(edits), max_size=3)))
        kept = data.draw(st.sets(st.integers(0, 5)))
        changed = edit(seen)
        nodes = tuple(one for n, one in enumerate(changed.nodes) if n not in kept)
        looks.append(replace(changed, nodes=nodes))
    names = {"", *(f"node{n}" for n in range(1, 7))}
    # a silent node that was cut off may be named by its address
    assert all(one.node in names or ":" in one.node for one in told_of(*looks))
