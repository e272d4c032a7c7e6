"""Checks on a cluster, each on changed snapshots of real servers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.cases import Case, alone, table

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import OpenSlot
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.finding import Status

OK, WARN, FAIL, SKIP = Status.OK, Status.WARN, Status.FAIL, Status.SKIP

PRIMARY, REPLICA = frozenset({"master"}), frozenset({"slave"})
ALL = "node1", "node2", "node3", "node4", "node5", "node6"


def _everywhere(scene: Any, about: str, **fields: object) -> Any:
    """All nodes believe the same of one node."""
    for name in ALL:
        scene = scene.member(name, about, **fields)
    return scene


# Check, status, subject, part of the evidence, and what is changed in a healthy cluster.
CASES: list[Case] = [
    ("cluster.state", OK, "topology", "6 of 6 nodes: cluster_state:ok", lambda s: s),
    (
        "cluster.state",
        FAIL,
        "node5",
        "cluster_state:fail, 16384 of 16384 slots ok",
        lambda s: s.cluster("node5", cluster_state="fail"),
    ),
    (
        "cluster.state",
        FAIL,
        "node5",
        "cluster_state:ok, 16384 of 16384 slots ok",
        lambda s: s.cluster("node5", cluster_slots_fail=1),
    ),
    (
        "cluster.state",
        FAIL,
        "node5",
        "cluster_state:ok, 16383 of 16384 slots ok",
        lambda s: s.cluster("node5", cluster_slots_ok=16383),
    ),
    ("cluster.state", FAIL, "node5", "unknown", lambda s: s.node("node5", cluster={})),
    ("cluster.state", SKIP, "topology", "no node replies", lambda s: s.down(*ALL)),
    ("cluster.slots", OK, "topology", "16384 of 16384 slots covered", lambda s: s),
    (
        "cluster.slots",
        FAIL,
        "topology",
        "the owner of 5462 slots is down: 5461-10922",
        lambda s: s.down("node2"),
    ),
    (
        "cluster.slots",
        FAIL,
        "topology",
        "1 slot has no owner: 0",
        lambda s: s.member("node1", "node1", slots=(SlotRange(1, 5460),)),
    ),
    (
        "cluster.slots",
        FAIL,
        "topology",
        "2 slots have two owners: 5459 by node1 and node2, 5460 by node1 and node2",
        lambda s: s.member("node2", "node2", slots=(SlotRange(5459, 10922),)),
    ),
    ("cluster.agreement", OK, "topology", "the same slot map and the same roles", lambda s: s),
    (
        "cluster.agreement",
        FAIL,
        "node6",
        "sees node1 as primary of 0-5, most nodes as primary of 0-5460",
        lambda s: s.member("node6", "node1", slots=(SlotRange(0, 5),)),
    ),
    (
        "cluster.agreement",
        FAIL,
        "node6",
        "sees node4 as primary of no slots, most nodes as replica of",
        lambda s: s.member("node6", "node4", flags=PRIMARY, primary_id=""),
    ),
    (
        "cluster.agreement",
        FAIL,
        "node4",
        "CLUSTER NODES has it as replica of ",
        lambda s: s.info("node4", role="master"),
    ),
    (
        "cluster.agreement",
        FAIL,
        "node6",
        "sees node2 as unknown",
        lambda s: s.forgets("node6", "node2"),
    ),
    ("cluster.agreement", SKIP, "topology", "no node replies", lambda s: s.down(*ALL)),
    ("cluster.members", OK, "topology", "6 nodes known, none failing", lambda s: s),
    (
        "cluster.members",
        FAIL,
        "node1",
        "sees node2 as fail?,master",
        lambda s: s.member("node1", "node2", flags=PRIMARY | {"fail?"}),
    ),
    (
        "cluster.members",
        FAIL,
        "node1",
        "and 1 more",
        lambda s: s.member("node1", "node2", flags=PRIMARY | {"fail"}).member(
            "node1", "node3", flags=PRIMARY | {"noaddr"}
        ),
    ),
    (
        "cluster.members",
        FAIL,
        "node1",
        "sees node2 as handshake",
        lambda s: s.member("node1", "node2", flags=frozenset({"handshake"})),
    ),
    (
        "cluster.members",
        FAIL,
        "node3",
        "knows 5 nodes, the topology has 6",
        lambda s: s.forgets("node3", "node1"),
    ),
    (
        "cluster.members",
        FAIL,
        "node3",
        "knows 6 nodes, the topology has 6: 127.0.0.1:9 is not part of it, node1 is missing",
        lambda s: s.member("node3", "node1", id="9" * 40, endpoint=Endpoint("127.0.0.1", 9)),
    ),
    (
        "cluster.members",
        FAIL,
        "node3",
        "knows node1 at 127.0.0.1:",
        lambda s: s.member("node3", "node1", bus_port=9),
    ),
    ("cluster.links", OK, "topology", "30 of 30 bus links connected", lambda s: s),
    (
        "cluster.links",
        FAIL,
        "node1",
        "no bus link to node2 (bus 2",
        lambda s: s.member("node1", "node2", linked=False),
    ),
    (
        "cluster.links",
        FAIL,
        "node1",
        "announces 127.0.0.1:7000@9, but the plan has 127.0.0.1:",
        lambda s: s.member("node1", "node1", endpoint=Endpoint("127.0.0.1", 7000), bus_port=9),
    ),
    (
        "cluster.links",
        FAIL,
        "node1",
        "its PINGs to node2 (bus 2",
        lambda s: s.info("node1", server_time_usec=90_000_000).member(
            "node1", "node2", pinged=9000
        ),
    ),
    (
        "cluster.links",
        OK,
        "topology",
        "30 of 30 bus links connected",
        lambda s: s.info("node1", server_time_usec=9_900_000).member("node1", "node2", pinged=9000),
    ),
    ("cluster.epochs", OK, "topology", "3 primaries, config epochs 4, 5, 6", lambda s: s),
    (
        "cluster.epochs",
        FAIL,
        "topology",
        "node1 and node2 have the same config epoch 5",
        lambda s: s.member("node1", "node1", epoch=5),
    ),
    (
        "cluster.epochs",
        FAIL,
        "node1",
        "config epoch 1 is stale: node6 knows it with epoch 4",
        lambda s: s.member("node1", "node1", epoch=1),
    ),
    ("cluster.open-slots", OK, "topology", "no slot is migrating or importing", lambda s: s),
    (
        "cluster.open-slots",
        FAIL,
        "node1",
        "slot 93 migrating to bbbb; 9 slots importing from cccc: 1-4,6,8 and 1 more range",
        lambda s: s.member(
            "node1",
            "node1",
            open_slots=(
                OpenSlot(slot=93, move="migrating to", node="bbbb"),
                *(
                    OpenSlot(slot=n, move="importing from", node="cccc")
                    for n in (1, 2, 3, 4, 6, 8, 10, 11, 12)
                ),
            ),
        ),
    ),
]


@table(CASES)
def test_a_check_says_what_is_wrong_with_a_cluster(
    engine_name: str, scene: Callable[[str, str], Any], case: Case
) -> None:
    assert case[3] in alone(scene(engine_name, "cluster"), case)


@pytest.mark.parametrize("check", sorted({case[0] for case in CASES}))
def test_a_replication_is_not_asked_about_a_cluster(
    scene: Callable[[str, str], Any], check: str
) -> None:
    assert scene("redis-7.0", "replication").findings(check) == ()


def test_a_failover_that_all_know_of_is_healthy(scene: Callable[[str, str], Any]) -> None:
    stage = scene("redis-7.0", "cluster")
    one, four = (node.myself for node in (stage.seen.nodes[0], stage.seen.nodes[3]))
    stage = _everywhere(stage, "node4", flags=PRIMARY, primary_id="", slots=one.slots, epoch=9)
    stage = _everywhere(stage, "node1", flags=REPLICA, primary_id=four.id, slots=(), epoch=9)
    for name in ("node1", "node4"):
        me = next(m for m in stage.named(name).members if m.port == stage.named(name).port)
        stage = stage.member(name, name, flags=replace(me, flags=me.flags | {"myself"}).flags)
    stage = stage.info("node4", role="master").info("node1", role="slave")
    for check in ("cluster.slots", "cluster.agreement", "cluster.members", "cluster.epochs"):
        assert [one.status for one in stage.findings(check)] == [OK]


def test_many_epochs_are_told_shortly(scene: Callable[[str, str], Any]) -> None:
    stage = scene("redis-7.0", "cluster")
    nodes = tuple(
        replace(
            stage.seen.nodes[0],
            name=f"node{n}",
            members=(
                replace(
                    stage.seen.nodes[0].myself, id=f"{n:040x}", epoch=n, slots=(SlotRange(n, n),)
                ),
            ),
        )
        for n in range(1, 10)
    )
    many = replace(stage, seen=replace(stage.seen, nodes=nodes))
    (finding,) = many.findings("cluster.epochs")
    assert finding.evidence == "9 primaries, config epochs 1 to 9, all different"


def test_slots_of_a_silent_primary_and_those_of_nobody_have_each_their_remedy(
    scene: Callable[[str, str], Any],
) -> None:
    stage = scene("redis-7.0", "cluster").node("node2", error="stopped", paused=True)
    for name in ALL:  # and slot 0 was taken from node1
        stage = stage.member(name, "node1", slots=(SlotRange(1, 5460),))
    said = [(one.evidence, one.hint) for one in stage.findings("cluster.slots")]
    assert [evidence for evidence, _hint in said] == [
        "the owner of 5462 slots is down: 5461-10922",
        "1 slot has no owner: 0",
    ]
    assert said[0][1].endswith("start the primary that owns them: redistopo resume node2")
    assert said[1][1] == "node2 may have their keys: redistopo resume node2"
