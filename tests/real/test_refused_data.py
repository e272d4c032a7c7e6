"""What `up` refuses for the sake of data, `plan` and `up --dry-run` refuse in the same words, and
nothing is done: on real servers, see tests/real/test_refusals.py."""

import json
import os
import shutil

import pytest
from support.editing import edit
from support.judge import await_written
from support.kept import keep
from support.project import Project
from support.refused import START, pair, refused, small, stopped, unset


def _aged(project: Project, node: int, seconds: float) -> None:
    """The node's data files are so much newer than they are."""
    for path in [one for one in project.folder(node).rglob("*") if one.suffix in (".aof", ".rdb")]:
        told = path.stat()
        os.utime(path, (told.st_atime, told.st_mtime + seconds))


def test_a_replica_that_wrote_later(project: Project) -> None:
    pair(project)
    project.up()
    keep(project)
    project.crash()
    _aged(project, 2, 60)
    refused(project, told="node2 wrote data after node1")


def test_a_primary_without_its_data(project: Project) -> None:
    pair(project)
    project.up()
    keep(project)
    project.run("down", check=0)
    shutil.rmtree(project.folder(1))
    refused(project, told="node1 would be primary, but has no data; node2 has")
    refused(project, "--primary", "node1", told="node1 would be primary", planned=False)


def test_two_that_were_primary(project: Project) -> None:
    pair(project)
    project.up()
    keep(project)
    with project.client(project.ports[1]) as node:
        node.execute_command("REPLICAOF", "NO", "ONE")
        node.set("mine", "yes")
        await_written(node)
    project.run("kill", "node1", "node2", check=0)
    _forget_primary(project)
    refused(project, told="have data, and more than one was primary")


def _forget_primary(project: Project) -> None:
    record = project.root / ".redistopo" / "record.json"
    told = json.loads(record.read_text())
    record.write_text(json.dumps({**told, "primary": ""}))


def test_an_empty_primary_of_a_cluster(project: Project) -> None:
    small(project)
    project.up()
    keep(project)
    project.run("down", check=0)
    for path in [one for one in project.folder(1).iterdir() if one.name != "nodes.conf"]:
        if path.name in ("appendonlydir", "dump.rdb", "appendonly.aof"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    refused(project, told="node1 would be primary, but has no data")


def test_a_lost_nodes_conf(project: Project) -> None:
    small(project)
    stopped(project)
    tables = [project.folder(number) / "nodes.conf" for number in range(1, 7)]
    tables[0].unlink()
    refused(project, told="node1 would start as a new node")
    for table in tables[1:]:
        table.write_text("")
    refused(project, told="no node of this cluster has its nodes.conf")
    every = [word for number in range(1, 7) for word in ("--rebuild", f"node{number}")]
    refused(project, *every, told="no other node's nodes.conf contains node1", planned=False)


@pytest.fixture
def reset(project: Project) -> str:
    """A cluster whose node1 was reset while its replica, named here, is stopped with its keys."""
    small(project)
    project.up()
    keep(project)
    nodes = project.run("plan", "--json", check=0).json["result"]["plan"]["nodes"]
    replica: str = next(one["name"] for one in nodes if one["follows"] == "node1")
    project.run("stop", replica, check=0)
    project.run("reset", "node1", "--force", "--yes", check=0)
    return replica


def test_a_sole_copy(project: Project, reset: str) -> None:
    refused(project, told=f"{reset} would be emptied: its primary node1 was reset")
    both = ("--primary", "node1", "--primary", reset)
    refused(project, *both, told="can't both be primary: they are in one shard", planned=False)


def test_data_under_another_name(project: Project) -> None:
    pair(project, "--persistence", "rdb")
    project.up()
    keep(project)
    project.run("down", check=0)
    told = "dbfilename is other.rdb in the topology file"
    ahead = unset(project, "dbfilename", "other.rdb", told=told)
    edit(project, "\n[redis]\n", '\n[redis]\ndbfilename = "other.rdb"\n')
    assert refused(project, told=told, also=(START,)) == ahead
