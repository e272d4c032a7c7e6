"""Which failures follow from others: a dead node is one fault, and hides no other."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.state.finding import consequences, failed_findings, root_causes

Scenes = Callable[[str, str], Any]

FAILING = frozenset({"master", "fail"})
GONE = {"flags": FAILING, "linked": False}


def _seen_as_gone(scene: Any, about: str) -> Any:
    """Every other node has it as failing, and no link to it; it replies itself."""
    for node in scene.seen.nodes:
        if node.name != about:
            scene = scene.member(node.name, about, **GONE)
    return scene


def test_what_follows_from_a_dead_node_is_folded_under_it(engine_name: str, scene: Scenes) -> None:
    judged = _seen_as_gone(scene(engine_name, "cluster"), "node1").down("node1").judged
    assert [one.ref for one in root_causes(judged)] == ["node.alive node1"]
    assert {one.because_of for one in consequences(judged)} == {("node.alive node1",)}
    assert len(consequences(judged)) > 10


@pytest.mark.parametrize("shape", ["replication", "cluster"])
def test_a_fault_of_its_own_is_not_folded(shape: str, scene: Scenes) -> None:
    stage = scene("valkey-8.1", shape).down("node1").config("node2", maxmemory="1")
    assert {one.ref for one in root_causes(stage.judged)} == {
        "node.alive node1",
        "config.drift node2",
    }


def test_a_node_that_replies_explains_nothing(scene: Scenes) -> None:
    """The others lost it, although it runs: a fault of links, not of a process."""
    judged = _seen_as_gone(scene("valkey-8.1", "cluster"), "node1").judged
    found = {one.check for one in root_causes(judged)}
    assert {"cluster.members", "cluster.links"} <= found


@given(st.sets(st.sampled_from([f"node{n}" for n in range(1, 7)])), st.booleans())
def test_causes_are_failures_that_have_no_cause(scene: Scenes, down: set[str], link: bool) -> None:
    stage = scene("valkey-9.1", "cluster")
    if link:
        stage = stage.info("node4", master_link_status="down").proofs(error="TimeoutError")
    judged = stage.down(*sorted(down)).judged
    roots = {one.ref for one in root_causes(judged)}
    assert bool(roots) is bool(failed_findings(judged))
    assert {cause for one in judged for cause in one.because_of} <= roots
