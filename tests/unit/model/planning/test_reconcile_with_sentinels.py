"""Changes where Sentinels watch: each situation's steps, as text with their cause."""

from collections.abc import Callable, Collection
from dataclasses import replace

import pytest

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.reconcile import reconcile
from redistopo.model.planning.situation import Situation, with_current_roles
from redistopo.model.planning.step import StepKind
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.state.record import TopologyState
from redistopo.render.connect import connect_lines

Planned = Callable[..., Plan]

DATA = ("node1", "node2", "node3")
SENTINELS = ("sentinel1", "sentinel2", "sentinel3")
ALL = (*DATA, *SENTINELS)
RECORD = TopologyState(id="1", name="t", shape="sentinel", created="", formed=True, nodes=())


def _now(
    plan: Plan,
    up: Collection[str],
    *,
    formed: bool = True,
    named: str = "node1",
    leaders: Collection[str] = ("node1",),
    kept: tuple[str, ...] = SENTINELS,
    refused: bool = False,
    barred: Collection[str] = (),
) -> Situation:
    def info(name: str) -> dict[str, str]:
        if name in SENTINELS:
            return {"redis_mode": "sentinel"}
        if name in leaders:
            return {"role": "master"}
        return {"role": "slave", "slave_priority": "0" if name in barred else "100"}

    nodes = tuple(
        NodeSeen(
            name=node.name,
            endpoint=node.endpoint,
            process=ProcessState.RUNNING if node.name in up else ProcessState.ABSENT,
            info=info(node.name) if node.name in up else {},
            disk=DiskSeen(),
        )
        for node in plan.nodes
    )
    return Situation(
        seen=Observed(shape=plan.topology.shape, nodes=nodes),
        record=replace(RECORD, formed=formed),
        named=named,
        kept=kept,
        refused=refused,
    )


def _steps(plan: Plan, now: Situation) -> list[str]:
    return [str(one) for one in reconcile(with_current_roles(plan, now), now)]


def test_all_are_started_in_their_order(plan: Planned) -> None:
    made = plan("sentinel")
    assert _steps(made, _now(made, (), formed=False, named="", kept=())) == [
        "write the configuration of node1, node2, node3",
        "start node1",
        "start node2, node3",
        "write the configuration of sentinel1, sentinel2, sentinel3",
        "start sentinel1, sentinel2, sentinel3",
        "introduce to each other sentinel1, sentinel2, sentinel3",
    ]


def test_all_that_run_are_left_alone(plan: Planned) -> None:
    made = plan("sentinel")
    assert _steps(made, _now(made, ALL)) == []


def test_a_sentinels_own_file_is_not_written_again(plan: Planned) -> None:
    made = plan("sentinel")
    assert _steps(made, _now(made, (), named="node3")) == [
        "write the configuration of node1, node2, node3",
        "start node3",
        "start node1, node2",
        "start sentinel1, sentinel2, sentinel3",
    ]


def test_a_lost_file_is_written(plan: Planned) -> None:
    made = plan("sentinel")
    up = [name for name in ALL if name != "sentinel2"]
    kept = ("sentinel1", "sentinel3")
    assert [one.do for one in reconcile(made, _now(made, up, kept=kept))] == [
        StepKind.WRITE,
        StepKind.START,
        StepKind.MEET,
    ]


def test_a_file_of_an_up_that_ended_half_way_is_written_again(plan: Planned) -> None:
    made = plan("sentinel")
    steps = reconcile(made, _now(made, DATA, formed=False, named=""))
    assert [one.do for one in steps] == [StepKind.WRITE, StepKind.START, StepKind.MEET]


CHOICES = [
    ("they run", ("node2", "node3", *SENTINELS), {}, ["failover"]),
    ("one is down", ("node2", "sentinel1", "sentinel2"), {}, ["start", "failover"]),
    ("they don't run", ("node2", "node3"), {}, ["start", "failover"]),
    ("they found nobody", ("node2", *SENTINELS), {"refused": True}, ["write", "start", "start"]),
    ("no replica runs", SENTINELS, {}, ["write", "start", "start"]),
    ("none may lead", ("node2", *SENTINELS), {"barred": ["node2"]}, ["write", "start", "start"]),
]


@pytest.mark.parametrize(
    ("up", "facts", "done"), [case[1:] for case in CHOICES], ids=[case[0] for case in CHOICES]
)
def test_a_primary_that_ended_is_replaced_before_it_starts(
    plan: Planned, up: tuple[str, ...], facts: dict[str, object], done: list[str]
) -> None:
    made = plan("sentinel")
    now = _now(made, up, leaders=(), **facts)  # type: ignore[arg-type]
    assert [one.do.value for one in reconcile(with_current_roles(made, now), now)] == done


def test_who_leads_beside_the_one_that_is_named_follows_it(plan: Planned) -> None:
    made = plan("sentinel")
    now = _now(made, ALL, named="node2", leaders=("node1", "node2"))
    assert _steps(made, now) == ["make node1 follow node2"]


def test_a_client_is_told_to_ask_the_sentinels(plan: Planned) -> None:
    made = connect_lines(plan("sentinel", name="shop"), "/project/.redistopo/password")
    lines = dict(made.libraries)
    assert 'master_for("shop")' in lines["Python, redis-py"]
    assert 'MasterName: "shop"' in lines["Go, go-redis"]
    assert all("26381" in line for line in lines.values())
    assert any("password.sentinel" in line for line in made.shell)
    assert not any("SENTINEL_AUTH" in line for _, line in _locked(plan, acl=True))
    assert [name for name, _ in _locked(plan, tls=True)] == ["Python, redis-py"]
    assert "AUTH" not in str(_locked(plan, auth=False))


def _locked(plan: Planned, **keys: object) -> tuple[tuple[str, str], ...]:
    return connect_lines(plan("sentinel", **keys), "").libraries
