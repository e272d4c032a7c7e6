"""redistopo ends by SIGKILL while nodes, and slots with their keys, come and go."""

import tomllib
from collections.abc import Iterator

import pytest
from support.engines import WINDOWS
from support.forms import spread
from support.grown import faults, fill, read, shards
from support.mortal import Nursery, nursery
from support.project import Project


@pytest.fixture
def mortal() -> Iterator[Nursery]:
    with nursery() as made:
        yield made


AT = {"commands": ["MEET", "REPLICATE", "SETSLOT", "RESET", "FORGET"]}
"""Boundaries besides the usual ones: these commands."""


@pytest.mark.fault(
    "redistopo is killed at any point of `scale`",
    "no key is lost; the next `up` completes the change: each slot has one owner on all nodes, and "
    "no server runs that is not part of the topology",
)
def test_scale(project: Project, mortal: Nursery) -> None:
    words = ("--shards", "2", "--replicas", "1", "--formation", "instant")
    project.init("cluster", *words, engine=WINDOWS.path)
    project.up()
    data = fill(project, 200)
    count = max(len(mortal.run(one, project.root, **AT).boundaries) for one in ("grow", "shrink"))
    assert count > 20
    for n in spread(range(count // 3, count + 1, 3), 2):
        for verb, number in (("grow", 3), ("shrink", 2)):
            ended = mortal.run(verb, project.root, end_at=n, **AT)
            assert ended.code in (0, -9), ended
            asked = tomllib.loads((project.root / "redistopo.toml").read_text())["shards"]
            again = mortal.run("up", project.root)
            assert again.code == 0, (n, verb, again)
            found = shards(project)
            ports = [*found, *set().union(*found.values())]
            assert (len(found), len(ports)) == (asked, 2 * asked)
            assert faults(project, *ports) == [], (n, verb)
            assert read(project, data) == data
            assert not (project.root / ".redistopo" / "job.json").exists()
            if asked != number:  # it was killed before it began
                assert mortal.run(verb, project.root).code == 0
