"""A server is killed while a slot is half moved; it restarts, or its replica takes over."""

from collections.abc import Iterator
from itertools import product

import pytest
from support.engines import ENGINES
from support.forms import spread
from support.mortal import Nursery, nursery
from support.moved import data, fill, owners
from support.project import Project
from support.waiting import until

from redistopo.model.planning.move_method import MoveMethod, method_of

_WHO = {"source": 1, "target": 2, "target's replica": 0}

_COMMANDS = ("MIGRATE", "NODE")

_CASES = [
    (engine, who, over, moment)
    for engine, (who, over), moment in product(
        ENGINES,
        [("source", False), ("target", True), ("source", True), ("target", False),
         ("target's replica", False)],
        ["MIGRATE", "NODE"],
    )
    if method_of(ENGINES[engine]) is MoveMethod.MIGRATE  # the others: see test_killed_moves
]  # fmt: skip


@pytest.fixture
def mortal() -> Iterator[Nursery]:
    with nursery() as made:
        yield made


@pytest.mark.fault(
    "redistopo and then the source, the target or the target's replica are killed while slots are "
    "half moved; the server restarts, or its replica takes over",
    "the next `up` finishes the move; each slot has one owner, no key is lost",
)
@pytest.mark.parametrize(("engine", "who", "over", "moment"), spread(_CASES, 1))
def test_no_key_is_lost(
    project: Project, mortal: Nursery, engine: str, who: str, over: bool, moment: str
) -> None:
    words = ("--formation", "instant", "--node-timeout", "1000")
    project.init("cluster", *words, engine=ENGINES[engine].path)
    project.up()
    fill(project, slots=range(0, 60, 2))
    kept, before = data(project), owners(project)
    passed = mortal.run("move", project.root, commands=_COMMANDS)
    assert passed.code == 0, passed
    assert mortal.run("back", project.root).code == 0
    # before half of the keys have moved, or between the two NODE of a window
    place = [n for n, one in enumerate(passed.boundaries, 1) if one.endswith(moment)][
        {"MIGRATE": 2, "NODE": -1}[moment]
    ]
    assert mortal.run("move", project.root, end_at=place, commands=_COMMANDS).code == -9
    target = project.port + 1
    number = _WHO[who] or _replica_of(project, target)
    heir = _replica_of(project, project.port + number - 1) if over else 0
    project.crash(number)
    if over:
        until(lambda: _leads(project, heir), 20)
    done = mortal.run("up", project.root)
    assert done.code == 0, done
    assert project.faults() == []
    assert data(project) == kept
    moved = {slot for slot, port in owners(project).items() if port != before[slot]}
    assert moved >= set(range(40))
    assert not project.job.exists()


def _replica_of(project: Project, port: int) -> int:
    """The number of the replica of the primary on that port."""
    for number, other in enumerate(project.ports, 1):
        with project.client(other) as node:
            info = node.info("replication")
        if info["role"] == "slave" and int(info["master_port"]) == port:
            return number
    raise AssertionError(f"{port} has no replica")


def _leads(project: Project, number: int) -> bool:
    with project.client(project.port + number - 1) as node:
        return bool(node.info("replication")["role"] == "master")
