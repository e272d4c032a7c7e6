"""The judgement as a whole: every check, in order, on healthy and broken topologies."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.checks.catalogue import CHECKS
from redistopo.model.state.finding import Finding, Status, failed_findings, has_permanent_failure
from redistopo.model.topology.spec import Shape

Scenes = Callable[[str, str], Any]

ALL = [f"node{n}" for n in range(1, 7)]


@pytest.mark.parametrize("shape", ["cluster", "replication"])
def test_a_healthy_topology_of_every_engine_has_no_fault(
    engine_name: str, shape: str, scene: Scenes
) -> None:
    judged = scene(engine_name, shape).proofs().judged
    assert {one.status for one in judged} <= {Status.OK, Status.SKIP}


def test_a_healthy_cluster_is_asked_everything(engine_name: str, scene: Scenes) -> None:
    judged = scene(engine_name, "cluster").proofs().judged
    # who asks for neither TLS nor ACL isn't told of them, nor of hosts who has one
    locks = {"access.tls", "access.certificates", "access.users"}
    locks |= {"placement.hosts", "placement.majority"}
    locks |= {"hosts.clock", "hosts.reach", "hosts.restart"}
    asked = {check.id for check in CHECKS if Shape.CLUSTER in check.shapes}
    assert {one.check for one in judged} == asked - locks


def test_findings_are_in_the_order_of_the_catalogue(scene: Scenes) -> None:
    order = [check.id for check in CHECKS]
    told = [one.check for one in scene("redis-7.0", "cluster").down("node2").judged]
    assert told == sorted(told, key=order.index)


@given(st.sets(st.sampled_from(ALL)), st.sets(st.sampled_from(ALL)))
def test_every_failure_has_a_hint(scene: Scenes, down: set[str], odd: set[str]) -> None:
    stage = scene("valkey-9.1", "cluster")
    for name in sorted(odd):
        stage = stage.node(name, anonymous="PONG", listening=("0.0.0.0",))
        stage = stage.cluster(name, cluster_state="fail").config(name, maxmemory="1")
        stage = stage.member(name, "node2", linked=False, flags=frozenset({"master", "fail"}))
        stage = stage.info(name, master_link_status="down", slave_read_only=0)
    judged = stage.down(*sorted(down)).judged
    assert all(one.hint and one.evidence for one in failed_findings(judged))
    assert bool(failed_findings(judged)) is bool(down or odd)


def test_strangers_are_judged_without_any_plan(engine_name: str, scene: Scenes) -> None:
    nothing = {"shards": None, "replicas": None, "auth": None, "host": None}
    stage = scene(engine_name, "cluster").expect(**nothing, config=None, configs=None)
    assert failed_findings(stage.judged) == ()


def test_nodes_that_say_nothing_are_judged(scene: Scenes) -> None:
    judged = scene("redis-7.0", "cluster").down(*ALL).judged
    assert [one.subject for one in judged if one.check == "node.alive"] == ALL


def _finding(status: Status, *, settles: bool = False) -> Finding:
    return Finding(check="a", subject="b", status=status, evidence="c", settles=settles)


def test_only_a_failure_makes_a_topology_unhealthy() -> None:
    findings = [_finding(status) for status in Status]
    assert [one.status for one in failed_findings(findings)] == [Status.FAIL]


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([], False),
        ([_finding(Status.WARN)], False),
        ([_finding(Status.FAIL, settles=True)], False),
        ([_finding(Status.FAIL, settles=True), _finding(Status.FAIL)], True),
    ],
)
def test_a_failure_that_no_waiting_mends_is_hopeless(findings: list[Finding], said: bool) -> None:
    assert has_permanent_failure(findings) is said


@pytest.mark.parametrize(
    ("change", "settles"),
    [
        (lambda s: s.info("node1", loading=1), True),
        (lambda s: s.cluster("node1", cluster_state="fail"), True),
        (lambda s: s.down("node4"), False),
        (lambda s: s.node("node1", anonymous="PONG"), False),
        (lambda s: s.config("node1", maxmemory="1"), False),
    ],
    ids=["loading", "cluster state", "process ended", "open to all", "drift"],
)
def test_what_time_may_mend_is_worth_another_look(
    scene: Scenes, change: Callable[[Any], Any], settles: bool
) -> None:
    assert has_permanent_failure(change(scene("redis-7.0", "cluster")).judged) is not settles
