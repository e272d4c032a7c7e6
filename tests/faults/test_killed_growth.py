"""redistopo ends by SIGKILL while nodes, and slots with their keys, come and go."""

import tomllib
from collections.abc import Iterator

import pytest
from support.engines import WINDOWS
from support.forms import spread
from support.grown import faults, fill, read, shards, slots
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


@pytest.mark.fault(
    "redistopo is killed in `scale`, and a node with it",
    "`undo` gives each shard the very slots that it had, with their keys, not just as many",
)
def test_undo_gives_each_shard_its_own_slots(project: Project, mortal: Nursery) -> None:
    words = ("--shards", "3", "--replicas", "0", "--formation", "instant")
    project.init("cluster", *words, engine=WINDOWS.path)
    project.up()
    data = fill(project, 200)
    project.run("move-slots", "100-200,3000-3100,12000-16383", "--to", "node2", check=0)
    before = slots(project)
    # the third shard runs, but the others have forgotten it
    ended = mortal.run("shrink", project.root, end_in="done: remove from")
    assert (ended.code, mortal.run("undo", project.root).code) == (-9, 0), ended
    assert slots(project) == before
    # the third shard is gone: a new node gets its slots
    ended = mortal.run("shrink", project.root, end_in="done: end for good")
    assert (ended.code, mortal.run("undo", project.root).code) == (-9, 0), ended
    after = slots(project)
    assert sorted(after.values()) == sorted(before.values())
    assert {port: after[port] for port in project.ports[:2]} == {
        port: before[port] for port in project.ports[:2]
    }
    assert faults(project, *after) == []

    assert mortal.run("shrink", project.root).code == 0
    project.run("move-slots", "4000-4100", "--to", "node2", check=0)
    before = slots(project)
    ended = mortal.run("grow", project.root, end_in="done: move ")
    first = next(one for one in project.servers() if one.cwd().endswith("node1"))
    first.kill()
    first.wait()
    assert (ended.code, mortal.run("undo", project.root).code) == (-9, 0), ended
    assert slots(project) == before
    assert faults(project, *before) == []
    assert read(project, data) == data
