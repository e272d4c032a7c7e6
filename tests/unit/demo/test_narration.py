"""What is told of looks, taken one second apart: true, in order, and no more than one wants."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from support.edits import NOTHING, Edit, belief, both, gone, info, node, promoted, silent, state
from support.guarded import NAMES, guarded, told_by, without
from support.looks import BEGIN

from redistopo.demo.notices import NoticeWriter
from redistopo.model.state.diff import state_changes
from redistopo.model.state.last_known import LastKnown, update_last_known
from redistopo.model.state.observed import Observed

Seen = Callable[[str, str], Observed]

_OTHERS = ("node2", "node3", "node4", "node5", "node6")
_FAILED = frozenset({"master", "fail"})


def _told(looks: list[Observed], degraded: list[int] | None = None) -> list[str]:
    """Every story: its level and its words. A look takes a tenth of a second."""
    narrator = NoticeWriter({})
    known: LastKnown | None = None
    found: list[str] = []
    for number, seen in enumerate(looks):
        at = BEGIN + timedelta(seconds=number)
        now = update_last_known(known, seen, at)
        narrator.ports = {one.name: 7000 + n for n, one in enumerate(seen.nodes)}
        count = degraded[number] if degraded else 0
        stories = narrator.write(now, state_changes(known, now), count, at - timedelta(seconds=0.1))
        found += [f"{one.level}: {one.text}" for one in stories]
        known = now
    return found


_GONE = "bad: node1 (7000) stopped replying: its process isn't running"
_FROZEN = "bad: node1 (7000) was frozen: its connections stay open, but get no reply"
_PAUSED = node("node1", paused=True, error="its process is stopped", **NOTHING)

CLUSTER: list[tuple[str, list[Edit], list[str]]] = [
    ("nothing", [both(), both()], []),
    ("dies and comes back", [gone("node1"), both()],
     [_GONE, "good: node1 (7000) replies again after 1.1 s, as primary"]),
    ("is silent", [silent("node5")], ["bad: node5 (7004) stopped replying: timed out"]),
    ("is frozen, and dies", [_PAUSED, gone("node1")],
     [_FROZEN, "bad: node1 (7000) is gone: its process isn't running"]),
    ("dies, and starts without answering yet", [gone("node1"), silent("node1"), both()],
     [_GONE, "good: node1 (7000) replies again after 2.1 s, as primary"]),
    ("another password", [node("node2", error="x rejected our password: WRONGPASS", **NOTHING)],
     ["bad: node2 (7001) refuses the password"]),
    ("ends", [silent("node1"), gone("node1")],
     ["bad: node1 (7000) stopped replying: timed out"]),
    ("hangs, and dies", [silent("node1"), silent("node1"), silent("node1"), gone("node1")],
     ["bad: node1 (7000) stopped replying: timed out",
      "bad: node1 (7000) is gone: its process isn't running"]),
    ("the others agree", [gone("node1"), both(gone("node1"),
                                              belief("node1", *_OTHERS, flags=_FAILED))],
     [_GONE, "bad: the other nodes agreed after 1.1 s that node1 (7000) is down"]),
    ("suspicion alone isn't told", [belief("node1", "node3", flags=frozenset({"fail?"}))], []),
    ("is replaced", [gone("node1"), both(promoted("node4", "node1"), gone("node1"))],
     [_GONE, "changed: node4 (7003) was promoted after 1.1 s: it is primary for slots "
      "0-5460 instead of node1 (7000)"]),
    ("both say that they lead", [promoted("node4", "node1")],
     ["changed: node4 (7003) is primary for slots 0-5460 now: node1 (7000) still reports that it "
      "is a primary, too"]),
    ("refuses commands", [state("fail", "node1", "node2"), state("fail", "node2"), both()],
     ["bad: 2 of 6 nodes refuse commands (cluster_state:fail)",
      "good: the cluster accepts commands again"]),
    ("refuses commands, for slots have lost their primary",
     [gone("node1"), both(gone("node1"), state("fail", "node2")),
      both(gone("node1"), state("fail", *_OTHERS))],
     [_GONE, "bad: commands are refused: no node serves slots 0-5460 "
      "(cluster_state:fail)"]),
    ("a link is lost", [info("node4", master_link_status="down"), both()],
     ["bad: node4 (7003) lost its link to node1 (7000)"]),
    ("and its primary too", [both(gone("node1"), info("node4", master_link_status="down"))],
     [_GONE]),
]  # fmt: skip


@pytest.mark.parametrize(("edits", "told"), [(e, t) for _, e, t in CLUSTER],
                         ids=[name for name, _, _ in CLUSTER])  # fmt: skip
def test_a_cluster(observed: Seen, engine_name: str, edits: list[Edit], told: list[str]) -> None:
    seen = observed(engine_name, "cluster")
    assert _told([seen, *(edit(seen) for edit in edits)]) == told


def test_a_handover(observed: Seen) -> None:
    seen = observed("redis-7.0", "replication")
    first, second = seen.nodes[:2]
    follows = {"role": "slave", "master_host": "127.0.0.1", "master_link_status": "up"}
    after = both(
        info("node1", **follows, master_port=second.port),
        info("node2", role="master"),
        info("node3", **follows, master_port=second.port),
    )(seen)
    assert _told([seen, after]) == [
        "changed: node2 (7001) is primary now: node1 (7000) was demoted",
        "changed: node1 (7000) is a replica of node2 (7001) now",
        "changed: node3 (7002) is a replica of node2 (7001) now",
    ]
    assert first.port != second.port


def test_sentinels_agree(observed: Seen) -> None:
    seen = guarded(observed("redis-7.0", "replication"))
    away = without(seen, "node1")
    flags = frozenset({"master", "s_down", "o_down"})
    assert _told([seen, away, told_by(away, *NAMES, flags=flags)]) == [
        _GONE,
        "bad: the Sentinels agreed after 1.1 s that node1 (7000) is down",
    ]


@pytest.mark.parametrize(
    ("degraded", "toll"),
    [
        ([3, 5, 9, 9, 9, 9], ["info: 6 requests were served from the database in the meantime"]),
        ([3, 4, 4, 4, 4, 4], ["info: 1 request was served from the database in the meantime"]),
        ([3, 5, 9, 9, 11, 11], []),  # it isn't over: clients haven't found the new primary
        ([3, 3, 3, 3, 3, 3], []),
    ],
)
def test_the_toll_of_an_outage(observed: Seen, degraded: list[int], toll: list[str]) -> None:
    seen = observed("redis-7.0", "cluster")
    after = both(promoted("node4", "node1"), gone("node1"))(seen)
    looks = [seen, gone("node1")(seen), after, after, after, after]
    assert [one for one in _told(looks, degraded) if "database" in one] == toll


def test_a_replica_that_dies_has_no_toll(observed: Seen) -> None:
    seen = observed("redis-7.0", "cluster")
    looks = [seen, gone("node4")(seen), seen, seen, seen]
    assert not [one for one in _told(looks, [0, 2, 4, 4, 4]) if "database" in one]


def test_an_outage_ends_with_a_wipe(observed: Seen) -> None:
    seen = observed("redis-7.0", "cluster")
    nobody = replace(seen, nodes=())
    found = _told([seen, gone("node1")(seen), nobody, seen, seen, seen], [0, 2, 2, 2, 2, 2])
    assert [one for one in found if "database" in one] == [
        "info: 2 requests were served from the database in the meantime"
    ]


def test_a_node_that_is_known_by_its_address_has_its_port_told_once(observed: Seen) -> None:
    seen = observed("redis-7.0", "cluster")
    named = [replace(one, name=f"10.0.0.1:{7000 + n}") for n, one in enumerate(seen.nodes)]
    seen = replace(seen, nodes=tuple(named))
    (told, *_) = _told([seen, gone("10.0.0.1:7000")(seen)])
    assert told == "bad: 10.0.0.1:7000 stopped replying: its process isn't running"
