"""How a topology gets back to its baseline: what differs, and what is done about it, by tables."""

from dataclasses import replace

import pytest

from redistopo.model.planning.baseline_round import (
    Round,
    States,
    differences,
    outdated_views,
    plan_round,
    unsettled,
)
from redistopo.model.state.baseline_state import MemberView, NodeState, Settings

NAMES = ("node1", "node2", "node3", "node4")
SLOTS = {"node1": ((0, 8191),), "node2": ((8192, 16383),)}
PRIMARY_OF = {"node3": "node1", "node4": "node2"}


def _view(**changed: MemberView) -> dict[str, MemberView]:
    usual = {
        name: MemberView(id=name, primary=PRIMARY_OF.get(name, ""), slots=SLOTS.get(name, ()))
        for name in NAMES
    }
    return usual | changed


def _cluster(**changed: NodeState) -> dict[str, NodeState]:
    usual = {
        name: NodeState(name=name, members=_view(), replicas=int(name in SLOTS)) for name in NAMES
    }
    return usual | changed


def _everywhere(view: dict[str, MemberView]) -> States:
    return {name: replace(one, members=view) for name, one in _cluster().items()}


def _node(name: str, **changed: object) -> NodeState:
    return replace(_cluster()[name], **changed)  # type: ignore[arg-type]


FAILED_OVER = _view(
    node1=MemberView(id="node1", primary="node3"),
    node3=MemberView(id="node3", primary="", slots=SLOTS["node1"]),
)
"""node3 took over from node1."""


def _commands(planned: Round) -> dict[str, list[str]]:
    return {
        one.node: [" ".join(map(str, words)) for words in one.commands] for one in planned.repairs
    }


def test_nothing_is_done_where_nothing_differs() -> None:
    assert differences(_cluster(), _cluster()) == ()
    assert not plan_round(_cluster(), _cluster())


ABSENT = NodeState(name="node2", error="its process isn't running", absent=True)
PAUSED = NodeState(name="node1", error="paused", paused=True)
SILENT = NodeState(name="node1", error="timed out")
FORGOT = "node1 forgot node2, which nodes pass on"
ALONE = {"node1": MemberView(id="node1", primary="")}


@pytest.mark.parametrize(
    ("now", "resume", "kill", "up"),
    [
        (_cluster(node2=ABSENT), (), {}, "node2 didn't run"),
        (_cluster(node1=PAUSED), ("node1",), {}, ""),
        # what the paused node holds is seen once it replies
        (_cluster(node1=PAUSED, node2=ABSENT), ("node1",), {}, ""),
        (_cluster(node1=SILENT), (), {"node1": "timed out"}, "node1 didn't run"),
        (_cluster(node1=_node("node1", members=ALONE)), (), {}, "node1 didn't know all nodes"),
        (
            _cluster(
                node1=_node(
                    "node1",
                    members={name: one for name, one in _view().items() if name != "node2"},
                )
            ),
            (),
            dict.fromkeys(("node1", "node3", "node4"), FORGOT),
            "node1, node3, node4 didn't run",
        ),
    ],
)
def test_nodes_that_commands_cannot_repair(
    now: States, resume: tuple[str, ...], kill: dict[str, str], up: str
) -> None:
    planned = plan_round(_cluster(), now)
    assert (planned.resume, dict(planned.kill), planned.up) == (resume, kill, up)
    assert planned.promote == ()
    assert differences(_cluster(), now)


def test_a_baseline_has_nothing_that_passes_by_itself() -> None:
    assert unsettled(_cluster()) == ()
    late = _view(node2=MemberView(id="node2", primary="", trouble="fail?"))
    flags = {"mymaster": {"flags": "master,s_down"}}
    found = (_node("node1", members=late, down=True), NodeState(name="s1", monitored=flags))
    assert unsettled({one.name: one for one in found}) == (
        "node1: cluster_state is not ok",
        "node1: sees node2 as fail?",
        "s1: flags of mymaster are master,s_down",
    )


def test_a_former_primary_takes_over_and_its_replicas_follow_it_by_themselves() -> None:
    planned = plan_round(_cluster(), _everywhere(FAILED_OVER))
    assert planned.promote == ("node1",)
    assert _commands(planned) == {"node1": ["CLUSTER FAILOVER TAKEOVER"]}


def test_nodes_are_told_of_a_role_that_they_do_not_see_yet() -> None:
    late = _node("node2", members=FAILED_OVER)
    assert outdated_views(_cluster(), _cluster(node2=late)) == (
        ("node1", "node2"),
        ("node3", "node2"),
    )
    assert outdated_views(_cluster(), _everywhere(FAILED_OVER)) == ()
    assert outdated_views(_cluster(), _cluster()) == ()


def test_a_replica_of_another_shard_comes_back() -> None:
    moved = _view(node3=MemberView(id="node3", primary="node2"))
    planned = plan_round(_cluster(), _everywhere(moved))
    assert _commands(planned) == {"node3": ["CLUSTER REPLICATE node1"]}


def test_slots_are_closed_and_given_back_to_their_owner_first() -> None:
    moved = _view(
        node1=MemberView(id="node1", primary="", slots=((2, 8191),)),
        node2=MemberView(id="node2", primary="", slots=((0, 1), (8192, 16383)), open_slots=(9000,)),
    )
    planned = plan_round(_cluster(), _everywhere(moved))
    give = ["CLUSTER SETSLOT 0 NODE node1", "CLUSTER SETSLOT 1 NODE node1"]
    found = [(one.node, [" ".join(map(str, words)) for words in one.commands])
             for one in planned.repairs]  # fmt: skip
    assert found == [
        ("node2", ["CLUSTER SETSLOT 9000 STABLE"]),
        ("node1", [*give, "CLUSTER BUMPEPOCH"]),
        ("node2", give),
    ]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"down": True}, "node1: cluster_state is not ok"),
        ({"replicas": 0}, "node1: 0 of 1 replicas acknowledged"),
        ({"refused": ("FLUSHALL SYNC: ERR",)}, "node1: FLUSHALL SYNC: ERR"),
        (
            {"members": _view(node2=MemberView(id="node2", primary="", trouble="fail?"))},
            "node1: sees node2 as fail?",
        ),
    ],
)
def test_what_may_pass_by_itself_is_awaited(change: dict[str, object], line: str) -> None:
    now = _cluster(node1=_node("node1", **change))
    assert differences(_cluster(), now) == (line,)
    planned = plan_round(_cluster(), now)
    assert (planned.resume, planned.kill, planned.up, planned.promote) == ((), {}, "", ())


def _replication(**roles: str) -> dict[str, NodeState]:
    usual = {"node1": "", "node2": "h 7001", "node3": "h 7001"} | roles
    return {
        name: NodeState(name=name, settings=Settings(config={"replicaof": follows}))
        for name, follows in usual.items()
    }


@pytest.mark.parametrize(
    ("roles", "promote", "commands"),
    [
        ({"node1": "h 7002", "node2": ""}, ("node1",), {}),
        ({"node2": ""}, (), {"node2": ["REPLICAOF h 7001"]}),
        ({"node3": "x 1"}, (), {"node3": ["REPLICAOF h 7001"]}),
        ({"node1": "x 1"}, (), {"node1": ["REPLICAOF NO ONE"]}),
    ],
)
def test_roles_of_a_replication(
    roles: dict[str, str], promote: tuple[str, ...], commands: dict[str, list[str]]
) -> None:
    planned = plan_round(_replication(), _replication(**roles))
    assert planned.promote == promote
    assert _commands(planned) == commands


def test_sentinels_that_fail_over_are_left_to_it() -> None:
    primary = {"ip": "h", "port": "7001", "quorum": "2"}
    watching = NodeState(name="sentinel1", monitored={"mymaster": primary})
    other = replace(watching, monitored={"mymaster": primary | {"port": "7002"}})
    before = _replication() | {"sentinel1": watching}
    now = _replication(node2="") | {"sentinel1": other}
    assert not plan_round(before, now)
    assert "sentinel1: port of mymaster is 7002" in differences(before, now)
    fewer = replace(watching, monitored={"mymaster": primary | {"quorum": "1"}})
    planned = plan_round(before, _replication() | {"sentinel1": fewer})
    assert _commands(planned) == {"sentinel1": ["SENTINEL SET mymaster quorum 2"]}
