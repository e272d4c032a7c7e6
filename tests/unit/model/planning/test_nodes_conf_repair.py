"""Lost and refused nodes.conf files: which are named, which are written again, and how."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.guards import guard
from redistopo.model.planning.nodes_conf_repair import (
    lost_nodes_confs,
    promotion_steps,
    rebuild_steps,
    refuse_unknown_nodes,
    require_cluster_nodes,
    with_nodes_confs,
)
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.proposal import Asked, Proposal
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.sole_copies import SoleCopy
from redistopo.model.planning.step import StepKind
from redistopo.model.protocol.nodes_conf import parse_nodes_conf
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.state.record import TopologyState

Planned = Callable[..., Plan]

RECORD = TopologyState(id="1", name="t", shape="cluster", created="", formed=True, nodes=())
IDS = {f"node{n}": letter * 40 for n, letter in enumerate("abcdef", start=1)}


def _tables(plan: Plan) -> dict[str, str]:
    """Node -> a whole nodes.conf, as its server writes it."""
    return {node.name: _table(plan, node.name) for node in plan.nodes}


def _table(plan: Plan, name: str) -> str:
    lines = []
    for node in plan.nodes:
        place = f"{node.address}@{node.bus_port}"
        mine = "myself," if node.name == name else ""
        primary = IDS[node.follows] if node.follows else "-"
        slots = f" {plan.shards[node.shard - 1].slots}" if not node.follows else ""
        role = "slave" if node.follows else "master"
        told = f"{IDS[node.name]} {place} {mine}{role} {primary} 0 0 {node.shard} connected{slots}"
        lines.append(told)
    return "\n".join([*lines, "vars currentEpoch 6 lastVoteEpoch 0", ""])


def _seen(plan: Plan, changed: dict[str, DiskSeen], up: tuple[str, ...] = ()) -> Observed:
    texts = _tables(plan)
    nodes = (
        NodeSeen(
            name=node.name,
            endpoint=node.endpoint,
            process=ProcessState.RUNNING if node.name in up else ProcessState.ABSENT,
            error="" if node.name in up else "not running",
            disk=changed.get(node.name, DiskSeen(nodes_conf=texts[node.name])),
        )
        for node in plan.nodes
    )
    return Observed(shape=plan.topology.shape, nodes=tuple(nodes))


def test_the_lost_ones_are_named(plan: Planned) -> None:
    made = plan()
    cut = DiskSeen(nodes_conf=_tables(made)["node2"].partition("vars")[0])
    lost = {"node1": DiskSeen(), "node2": cut, "node3": DiskSeen()}
    seen = _seen(made, lost, up=("node3",))
    assert lost_nodes_confs(made, RECORD, seen) == {"node1": "missing", "node2": "cut off"}
    assert lost_nodes_confs(made, replace(RECORD, formed=False), seen) == {}
    assert lost_nodes_confs(made, None, seen) == {}


@pytest.mark.parametrize(
    ("disk", "cause"),
    [
        (DiskSeen(), "its nodes.conf is missing"),
        (DiskSeen(nodes_conf="\0\0"), "its nodes.conf is empty"),
        (DiskSeen(nodes_conf="nonsense\nvars currentEpoch 1"), "its nodes.conf is damaged"),
    ],
)
def test_a_lost_one_is_written_from_the_others(plan: Planned, disk: DiskSeen, cause: str) -> None:
    made = plan()
    (step,), notes = rebuild_steps(made, _seen(made, {"node1": disk}), RECORD, ["node1"])
    assert (step.do, step.cause, notes) == (StepKind.REBUILD, cause, ())
    table = parse_nodes_conf(step.texts["node1"], made.node("node1").address)
    me = table.at(made.node("node1").address) if table else None
    assert me is not None
    assert (me.id, me.ranges) == (IDS["node1"], (SlotRange(0, 5460),))


def test_one_that_the_server_refused_is_written_again(plan: Planned) -> None:
    made = plan()
    whole = _tables(made)["node1"]
    seen = _seen(made, {"node1": DiskSeen(nodes_conf=whole, refusal="Unrecoverable error")})
    (step,), _notes = rebuild_steps(made, seen, RECORD, ["node1"])
    assert step.cause == "its nodes.conf is refused by the server"


def test_a_sound_one_is_left_alone(plan: Planned) -> None:
    made = plan()
    for up in ((), ("node2",)):
        steps, notes = rebuild_steps(made, _seen(made, {}, up), RECORD, ["node2"])
        assert steps == ()
        assert notes == ("node2: its nodes.conf is usable and was left unchanged",)


def test_one_that_no_other_knows_is_refused(plan: Planned) -> None:
    made = plan()
    seen = _seen(made, {node.name: DiskSeen() for node in made.nodes})
    steps, _notes = rebuild_steps(made, seen, RECORD, ["node1"])
    with pytest.raises(RedistopoError, match=r"nodes\.conf contains node1") as error:
        refuse_unknown_nodes(Proposal(plan=made, now=Situation(seen=seen), steps=steps))
    assert error.value.detail == "checked: none exists"


def test_promotions_have_epochs_of_their_own(plan: Planned) -> None:
    made = plan()
    seen = _seen(made, {})
    alone = [
        SoleCopy(name=replica, primary=primary, slots=(SlotRange(first, first + 9),))
        for replica, primary, first in (("node4", "node1", 0), ("node5", "node2", 6000))
    ]
    steps = promotion_steps(made, seen, alone)
    assert [one.do for one in steps] == [StepKind.PROMOTE, StepKind.PROMOTE]
    after = with_nodes_confs(seen, steps)
    tables = [
        parse_nodes_conf(after.nodes[place].on_disk.nodes_conf or "", after.nodes[place].address)
        for place in (3, 4)
    ]
    assert [table.epoch for table in tables if table] == [7, 8]


def test_only_those_to_be_started_are_refused(plan: Planned) -> None:
    made = plan()
    now = Situation(seen=_seen(made, {"node1": DiskSeen()}), record=RECORD)
    for asked, told in (
        (Asked(), "node1 would start as a new node"),
        (Asked(among=("node1",)), "node1 would start as a new node"),
        (Asked(among=("node2",)), ""),
        (Asked(rebuild=("node1",)), ""),
    ):
        proposal = Proposal(plan=made, now=now, steps=(), asked=asked)
        if told:
            with pytest.raises(RedistopoError, match=told):
                guard(proposal)
        else:
            guard(proposal)


def test_only_cluster_nodes_can_be_named(plan: Planned) -> None:
    require_cluster_nodes(plan(), ["node1", "node6"])
    with pytest.raises(UsageError, match="no node 'node7'"):
        require_cluster_nodes(plan(), ["node7"])
    with pytest.raises(UsageError, match="--rebuild is for clusters"):
        require_cluster_nodes(plan("replication"), ["node1"])
