"""`restore` and `clone`: the data that redis-py finds afterwards is what it found before."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.engines import BUNDLED, ENGINES
from support.forms import FULL
from support.project import Project
from support.snapshots import binary, everything, fill

from redistopo.model.protocol.engine import Engine
from redistopo.model.topology.compatibility import reads

Projects = Callable[[str], Project]


def _found(project: Project) -> dict:
    with binary(project) as client:
        return everything(client)


def _at(made: Project, ports: list[int]) -> Project:
    """A project whose ports redistopo chose."""
    made.port, made.size = min(ports), len(ports)
    return made


def _cluster(project: Project, *words: str, engine: Engine = BUNDLED) -> dict:
    project.init("cluster", "--formation", "instant", *words, engine=engine.path)
    project.up()
    with binary(project) as client:
        fill(client)
    return _found(project)


def test_a_cluster_is_restored_into_other_shapes(projects: Projects) -> None:
    first, fourth, single = projects("first"), projects("fourth"), projects("single")
    words = ("--formation", "instant", "--replicas", "0")
    before = _cluster(first, *words[2:])
    first.run("snapshot", "monday", check=0)
    first.run("down", check=0)
    fourth.init("cluster", *words, "--shards", "4", engine=BUNDLED.path)
    single.init("standalone", engine=BUNDLED.path)
    path = first.root / "snapshots" / "monday"
    for other in (fourth, single):
        done = other.run("restore", path, "--json", check=0)
        assert done.json["result"]["way"] == "keys"
        assert done.json["result"]["digest"]["keys"] == len(before)
        assert _found(other) == before


KINDS = [("aof", one) for one in ENGINES.values()] if FULL else [("aof", BUNDLED)]
OTHERS = [("rdb", BUNDLED), ("none", BUNDLED)]


@pytest.mark.parametrize(
    ("persistence", "engine"), [*KINDS, *OTHERS], ids=lambda one: getattr(one, "name", one)
)
def test_over_data_only_by_what_is_printed(
    project: Project, persistence: str, engine: Engine
) -> None:
    words = ("--replicas", "1", "--persistence", persistence)
    project.init("replication", *words, engine=engine.path)
    project.up()
    with binary(project) as client:
        fill(client)
        client.select(3)
        client.set("in 3", "three")
    before, password = _found(project), project.password
    project.run("snapshot", "one", check=0)
    with binary(project) as client:
        client.delete("set")
        client.set("text:1", "changed")
        client.set("later", "x")
    refused = project.run("restore", "one", check=2)
    assert "has data already" in refused.err
    assert "another topology" not in refused.err
    # not the data of this topology, where another one is meant
    there = project.run("restore", "one", "--into", ".", check=2).err
    assert "Next: redistopo restore one --into . --force replaces it; " in there
    file = project.root / "redistopo.toml"
    file.write_text(re.sub('name = ".*"', 'name = "renamed"', file.read_text()))
    refused = project.run("restore", "one", check=2)
    assert re.search("of another topology, .+; this is renamed", refused.err)
    command = re.search(r"Next: redistopo (restore \S+ --force)", refused.err)
    assert command
    assert project.client().get("later") == "x"
    done = project.run(*command[1].split(), check=0)
    assert "warning: the snapshot is of another topology" in done.err
    assert _found(project) == before
    with project.client() as client:
        client.select(3)
        assert client.get("in 3") == "three"
    assert project.password == password
    assert project.faults(cluster=False) == []
    project.run("down", check=0)
    project.up()
    if persistence != "none":
        assert _found(project) == before


def test_a_restore_that_fails_leaves_the_data_that_was_there(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    with project.client() as client:
        client.set("k", "old")
    project.run("snapshot", "old", check=0)
    with project.client() as client:
        client.set("k", "new")
    project.run("down", check=0)
    file = project.root / "redistopo.toml"
    text = file.read_text()
    refused = text.replace("\n[redis]", '\n[redis]\nmaxmemory = "much"')  # the server exits
    file.write_text(refused)
    assert "maxmemory much" in project.run("restore", "old", "--force", check=2).err
    into = project.root / "into"
    into.mkdir()
    (into / "redistopo.toml").write_text(refused)
    assert "maxmemory much" in project.run("restore", "old", "--into", into, check=2).err
    assert [one.name for one in into.iterdir()] == ["redistopo.toml"]
    file.write_text(text)
    project.up()
    with project.client() as client:
        assert client.get("k") == "new"
    assert not list((project.root / ".redistopo").glob("*restore*"))


def test_what_is_not_a_snapshot_or_not_ours_is_refused_before_anything(
    project: Project, tmp_path: Path
) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    with project.client() as client:
        client.set("k", "v")
    project.run("snapshot", "one", check=0)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "mine").write_text("x")
    assert "not empty" in project.run("restore", "one", "--into", foreign, check=2).err
    assert "no snapshot" in project.run("restore", "two", "--force", check=2).err
    assert "no snapshot" in project.run("restore", "..", "--force", check=2).err
    rdb = project.root / "snapshots" / "one" / "shard1.rdb"
    raw = rdb.read_bytes()
    rdb.write_bytes(raw[:-10] + b"0123456789")
    assert "SHA-256" in project.run("restore", "one", "--force", check=1).err
    rdb.unlink()
    rdb.symlink_to("/etc/passwd")
    assert "can't be used" in project.run("restore", "one", "--force", check=1).err
    assert project.client().get("k") == "v"
    assert [one.name for one in foreign.iterdir()] == ["mine"]


def test_an_older_engine_and_missing_databases_are_refused(projects: Projects) -> None:
    first, other, third = projects("first"), projects("other"), projects("third")
    first.init("standalone", engine=BUNDLED.path)
    first.up()
    with first.client() as client:
        client.set("k", "v")
        client.select(5)
        client.mset({"a": 1, "b": 2})
    first.run("snapshot", "one", check=0)
    path = first.root / "snapshots" / "one"
    other.init("cluster", "--formation", "instant", "--replicas", "0", engine=BUNDLED.path)
    done = other.run("restore", path, check=2)
    assert "2 keys in databases" in done.err
    command = re.search(r"without slots \(redistopo (init \w+)\)", done.err)
    assert command
    third.run(*command[1].split(), check=0)
    older = next((one for one in ENGINES.values() if not reads(one, BUNDLED.name)), None)
    if older is not None:
        other.init("standalone", "--force", engine=older.path)
        assert "can't read data" in other.run("restore", path, check=4).err
    assert not other.servers()


def test_a_clone_has_the_data_and_is_apart(project: Project) -> None:
    before = _cluster(project)
    second = Project(project.root.parent / "second", project.port + 100)
    try:
        done = project.run("clone", second.root, "--pause", "--json", check=0)
        _at(second, done.json["result"]["ports"])
        assert sorted(one.name for one in second.root.iterdir()) == [".redistopo", "redistopo.toml"]
        assert _found(second) == before
        with binary(second) as client:
            client.flushall()
        assert _found(project) == before
        assert second.faults() == project.faults() == []
        ids = [_ids(one) for one in (project, second)]
        assert ids[0].isdisjoint(ids[1])
        assert "data already" in project.run("clone", second.root, check=2).err
        assert json.loads(project.run("snapshots", "--json").out)["result"]["snapshots"] == []
    finally:
        second.cleanup()


def _ids(project: Project) -> set[str]:
    with project.client() as client:
        return {one["node_id"] for one in client.execute_command("CLUSTER NODES").values()}
