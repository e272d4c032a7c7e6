"""Running servers described as a topology file, and what `up` then does with them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from redistopo.errors import RedistopoError
from redistopo.model.planning.adopt import Wanted, describe
from redistopo.model.planning.decide_adopted import decide_adopted
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import make_plan
from redistopo.model.planning.step import StepKind
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.state.observed import Observed
from redistopo.model.topology.project_paths import Layout
from redistopo.project.load import checked

Scenes = Callable[[str, str], Any]


def _plan(seen: Observed, **more: Mapping[str, object]) -> Plan:
    document = {**describe(seen, Wanted(name="shop")).document, **more}
    engine = Engine(product=Product.REDIS, version=Version(7))
    return make_plan(checked(document, "redistopo.toml"), Layout(Path("/project")), engine, "")


@pytest.mark.parametrize("engine", ["redis-6.2", "redis-7.0", "redis-8.2", "valkey-8.1"])
@pytest.mark.parametrize("shape", ["cluster", "replication"])
def test_what_was_described_needs_no_step(scene: Scenes, engine: str, shape: str) -> None:
    seen = scene(engine, shape).seen
    plan = _plan(seen)
    assert [node.endpoint for node in plan.nodes] != []
    assert {node.endpoint for node in plan.nodes} == {node.endpoint for node in seen.nodes}
    decision = decide_adopted(plan, _named(plan, seen))
    assert (decision.steps, decision.refusal) == ((), None)


def _named(plan: Plan, seen: Observed) -> Observed:
    from dataclasses import replace

    names = {node.endpoint: node.name for node in plan.nodes}
    return replace(
        seen, nodes=tuple(replace(node, name=names[node.endpoint]) for node in seen.nodes)
    )


def test_a_setting_of_the_file_is_applied_and_stored(scene: Scenes) -> None:
    seen = scene("redis-7.0", "replication").seen
    plan = _plan(seen, redis={"maxmemory": "7mb"})
    steps = decide_adopted(plan, _named(plan, seen)).steps
    assert [one.do for one in steps] == [StepKind.CORRECT, StepKind.STORE]
    assert all(
        "maxmemory" in settings and settings["maxmemory"] == "7mb"
        for settings in steps[0].settings.values()
    )
    assert len(steps[0].nodes) == len(seen.nodes)


def test_values_of_one_node_are_its_own(scene: Scenes) -> None:
    made = scene("redis-7.0", "replication").config("node2", maxmemory="3072", hz="50")
    found = describe(made.seen, Wanted(name="shop")).document
    (name,) = [
        name
        for name, address in dict(found["adopted"]).items()  # type: ignore[call-overload]
        if address == made.named("node2").address
    ]
    assert dict(found["nodes"])[name]["maxmemory"] == "3kb"  # type: ignore[call-overload]


def test_names_are_kept_and_new_nodes_get_free_ones(scene: Scenes) -> None:
    seen = scene("redis-7.0", "cluster").seen
    known = {"node9": seen.nodes[0].endpoint, "node1": Endpoint("10.9.9.9", 1)}
    found = describe(seen, Wanted(name="shop", former=known)).document["adopted"]
    assert isinstance(found, dict)
    assert found["node9"] == seen.nodes[0].address
    assert sorted(found) == ["node2", "node3", "node4", "node5", "node6", "node9"]


def test_a_refused_config_is_told(scene: Scenes) -> None:
    made = scene("redis-7.0", "cluster").every(
        config=None, refused={"CONFIG GET": "NOPERM", "ACL LIST": "NOPERM"}
    )
    found = describe(made.seen, Wanted(name="shop", user="me"))
    assert "CONFIG GET (NOPERM)" in found.unknown[0]
    assert "ACL LIST" in found.unknown[1]
    assert dict(found.document["adopted"])["user"] == "me"  # type: ignore[call-overload]


REFUSED: list[tuple[str, Callable[[Any], Any], str]] = [
    ("cluster", lambda one: one.node("node4", error="refused"), "can't be read"),
    ("cluster", lambda one: one.node("node4", error="rejected our password"), "can't be read"),
    ("replication", lambda one: one.node("node1", hello_clients=3), "Sentinels monitor"),
    ("replication", lambda one: one.info("node2", role="master"), "one primary"),
]


@pytest.mark.parametrize(("shape", "change", "part"), REFUSED, ids=[one[2] for one in REFUSED])
def test_what_is_no_whole_topology_is_refused(
    scene: Scenes, shape: str, change: Callable[[Any], Any], part: str
) -> None:
    with pytest.raises(RedistopoError, match=part):
        describe(change(scene("redis-7.0", shape)).seen, Wanted(name="shop"))


def test_up_refuses_while_a_server_is_silent(scene: Scenes) -> None:
    seen = scene("redis-7.0", "cluster").seen
    plan = _plan(seen)
    named = _named(plan, scene("redis-7.0", "cluster").node("node4", error="refused").seen)
    refusal = decide_adopted(plan, named).refusal
    assert refusal is not None
    assert "doesn't reply: nothing was changed" in refusal.message
