"""redistopo ends by SIGKILL in the midst of a move of slots, before any of its commands: the next
`up` finishes it, or `undo` takes it back, and no key is lost."""

from collections.abc import Iterator

import pytest
from support.engines import ENGINES
from support.forms import FULL, spread
from support.mortal import Nursery, nursery
from support.moved import data, fill, owners
from support.project import Project

_COMMANDS = ("SETSLOT", "MIGRATE", "MIGRATESLOTS", "MIGRATION")

_TRIED = (
    list(ENGINES) if FULL else [one for one in ENGINES if one in ("redis-7.0.15", "valkey-8.1.8")]
)


@pytest.fixture
def mortal() -> Iterator[Nursery]:
    with nursery() as made:
        yield made


@pytest.mark.fault(
    "redistopo is killed at any point of a move of slots",
    "the next `up` finishes it, or `undo` takes it back; each slot has one owner, no key is lost",
)
@pytest.mark.parametrize("engine", _TRIED or list(ENGINES))
def test_a_move_goes_on_or_back(project: Project, mortal: Nursery, engine: str) -> None:
    project.init("cluster", "--formation", "instant", engine=ENGINES[engine].path)
    project.up()
    fill(project, slots=range(0, 60, 2))
    before, kept = owners(project), data(project)

    whole = mortal.run("move", project.root, commands=_COMMANDS)
    assert whole.code == 0, whole
    after = owners(project)
    assert {slot for slot in before if before[slot] != after[slot]} == set(range(40))
    for turn, n in enumerate(spread(range(1, len(whole.boundaries) + 1), 3)):
        back = mortal.run("back", project.root)
        assert back.code == 0, back
        killed = mortal.run("move", project.root, end_at=n, commands=_COMMANDS)
        where = (engine, n, whole.boundaries[n - 1], killed)
        assert killed.code in (0, -9), where
        if project.job.exists():
            verb = ("up", "undo")[turn % 2]
            done = mortal.run(verb, project.root)
            assert done.code == 0, (where, done)
            assert owners(project) == (before if verb == "undo" else after), where
        assert project.faults() == [], where
        assert data(project) == kept, where
        assert not project.job.exists()
