"""Scenario files: what they mean, and all that is wrong with one at once."""

import tomllib
from pathlib import Path

import pytest

from redistopo.drill.scenario_file import BUILT_IN, Scenario, ScenarioDrill, parse_scenario
from redistopo.model.state.drill_fault import Fault


def _problems(text: str) -> list[str]:
    scenario, problems = parse_scenario(tomllib.loads(text))
    assert scenario is None
    return [one.key for one in problems]


def test_a_whole_scenario() -> None:
    text = """
        format = 1
        fault = "freeze"
        max_downtime = "2m"
        rate = 100
        clients = 2
        wait_replicas = 1
        restore_roles = true
        [[drill]]
        each = "primary"
        [[drill]]
        name = "both at once"
        nodes = ["shard:1 primary", "shard:2 replica"]
        fault = "kill"
        max_downtime = "500ms"
        [[drill]]
        nodes = "node3"
        max_downtime = 7
    """
    assert parse_scenario(tomllib.loads(text)) == (
        Scenario(
            drills=(
                ScenarioDrill(
                    name="each primary", each="primary", fault=Fault.FREEZE, budget=120.0
                ),
                ScenarioDrill(
                    name="both at once",
                    nodes=("shard:1 primary", "shard:2 replica"),
                    fault=Fault.KILL,
                    budget=0.5,
                ),
                ScenarioDrill(name="node3", nodes=("node3",), fault=Fault.FREEZE, budget=7.0),
            ),
            rate=100,
            clients=2,
            wait_replicas=1,
            restore_roles=True,
        ),
        (),
    )


def test_the_example_in_the_docs_is_one() -> None:
    text = (Path(__file__).parents[3] / "docs" / "scenario.toml").read_text(encoding="utf-8")
    scenario, problems = parse_scenario(tomllib.loads(text))
    assert problems == ()
    assert scenario
    assert [one.fault for one in scenario.drills] == [Fault.KILL, Fault.FREEZE, Fault.KILL]


def test_an_empty_file_is_the_built_in_scenario() -> None:
    assert parse_scenario({}) == (BUILT_IN, ())


def test_everything_wrong_is_told_at_once() -> None:
    text = """
        format = 2
        fault = "flood"
        max_downtime = "soon"
        rate = 0
        clients = true
        restore_roles = 1
        drils = 3
        [[drill]]
        nodes = []
        fault = "fire"
        [[drill]]
        max_downtime = true
        [[drill]]
        nodes = "node1"
        each = "primary"
        colour = "red"
    """
    assert _problems(text) == [
        "drils",
        "format",
        "fault",
        "max_downtime",
        "rate",
        "clients",
        "restore_roles",
        "drill 1.nodes",
        "drill 1.fault",
        "drill 2",
        "drill 2.max_downtime",
        "drill 3.colour",
        "drill 3",
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("drill = 1", "drill"),
        ("drill = []", "drill"),
        ("drill = [1]", "drill 1"),
        ("[[drill]]\neach = 1", "drill 1.each"),
        ("[[drill]]\nnodes = 'a'\nname = 1", "drill 1.name"),
        ("[[drill]]\nnodes = [1]", "drill 1.nodes"),
    ],
)
def test_what_is_no_drill(text: str, key: str) -> None:
    assert _problems(text) == [key]


def test_a_slip_of_the_pen_is_guessed() -> None:
    _, problems = parse_scenario({"clinets": 4})
    assert "did you mean clients?" in str(problems[0])
