"""The exit code of each verb that judges a topology, in each state, is what the reference says."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.byhand import ByHand, listening
from support.engines import BUNDLED
from support.project import Project

VERBS = {
    "verify": ("verify", "--no-write", "--timeout", "0"),
    "wait": ("wait", "--timeout", "0"),
    "status": ("status",),
    "doctor": ("doctor", "--no-write", "--timeout", "0"),
}


def _init(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)


def _up(project: Project) -> None:
    _init(project)
    project.up()


def _fault(project: Project) -> None:
    _up(project)
    with project.client(project.port + 2) as node:
        node.config_set("replica-read-only", "no")


def _down(project: Project) -> None:
    _up(project)
    project.run("down", check=0)


def _ended(project: Project) -> None:
    _up(project)
    project.crash()


STATES: dict[str, Callable[[Project], None]] = {
    "healthy": _up,
    "a check finds a fault": _fault,
    "stopped by `redistopo down`": _down,
    "its processes ended": _ended,
    "never started, or removed by `down --wipe`": _init,
    "no topology file": lambda _project: None,
}
NOBODY = "`--connect`: no server replies there"
REJECTED = "`--connect`: the password is rejected"


def _documented() -> dict[str, dict[str, str]]:
    """State -> verb -> exit code, as the reference has them."""
    text = (Path(__file__).parents[2] / "docs" / "reference.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- codes -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert found
    head, _, *rows = ([cell.strip() for cell in line.strip("| ").split("|")]
                      for line in found[1].splitlines())  # fmt: skip
    verbs = [name.strip("`") for name in head[1:]]
    return {row[0]: dict(zip(verbs, row[1:], strict=True)) for row in rows}


DOCUMENTED = _documented()


def _codes(project: Project, state: str, *at: str) -> dict[str, str]:
    """What each verb exits with; those without an option for an address are left out."""
    return {
        verb: str(project.run(*words, *at).code) if DOCUMENTED[state][verb] != "-" else "-"
        for verb, words in VERBS.items()
    }


def test_every_state_of_the_table_is_tried() -> None:
    assert {*STATES, NOBODY, REJECTED} == DOCUMENTED.keys()


@pytest.mark.parametrize("state", STATES)
def test_each_verb_exits_as_documented_in_this_state(project: Project, state: str) -> None:
    STATES[state](project)
    assert _codes(project, state) == DOCUMENTED[state]


def test_each_verb_exits_as_documented_for_an_address(project: Project, by_hand: ByHand) -> None:
    at = ("--connect", f"127.0.0.1:{project.port}")
    assert _codes(project, NOBODY, *at) == DOCUMENTED[NOBODY]
    by_hand.start(project.port, "--requirepass", "another")
    project.env["REDISTOPO_PASSWORD"] = "wrong"
    listening(project.port, "another")
    assert _codes(project, REJECTED, *at) == DOCUMENTED[REJECTED]
