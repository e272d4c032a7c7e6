"""Addresses changed in the topology file of a stopped topology: the next `up` starts it there,
with its data, its roles and its ids; judged by raw servers."""

import re
import socket

import pytest
from support import judge
from support.engines import BUNDLED
from support.forms import spread
from support.project import Project

SHAPES = ("cluster", "replication", "sentinel", "standalone")


def _set(project: Project, **keys: int | str) -> None:
    path = project.root / "redistopo.toml"
    text = path.read_text()
    for key, value in keys.items():
        text, count = re.subn(rf"(?m)^#? ?{key} = .*$", f"{key} = {value}", text)
        assert count == 1
    path.write_text(text)


def _ids(project: Project, shape: str) -> dict[int, str]:
    """Node -> its id in the cluster, or its id as a Sentinel."""
    found = {}
    for number in range(1, 1 + (project.size if shape == "cluster" else project.sentinels)):
        at = project.client(project.port + number - 1) if shape == "cluster" else None
        with at or project.sentinel(number) as node:
            words = ("CLUSTER", "MYID") if shape == "cluster" else ("SENTINEL", "MYID")
            found[number] = str(node.execute_command(*words))
    return found


def _kept(project: Project) -> set[str]:
    """The keys over all nodes, by each one's own word."""
    found: set[str] = set()
    for port in project.ports:
        with project.client(port) as node:
            found |= set(node.keys("key*"))
    return found


@pytest.mark.parametrize("by", spread([1, 6], 1))
@pytest.mark.parametrize("shape", spread(list(SHAPES), 2))
def test_a_stopped_topology_whose_port_was_changed_keeps_its_data(
    project: Project, shape: str, by: int
) -> None:
    # by 1, most of the new addresses are former ones of other nodes
    project.init(shape, engine=BUNDLED.path)
    project.up()
    if shape != "standalone":
        replica = "node2" if shape != "cluster" else "node4"
        project.run("failover", replica, check=0)
    for number in range(6):
        project.run("cli", "--", "SET", f"key{number}", "1", check=0)
    kept, ids = _kept(project), _ids(project, shape)
    roles = list(judge.roles(project.ports, project.password).values())
    _set(project, port=project.port + by)
    if shape == "sentinel":
        _set(project, sentinel_port=project.port + by + 10)
    refused = project.run("up", check=2).err
    assert "redistopo down, then redistopo up: the data is kept" in refused
    back = f"set port = {project.port} in redistopo.toml again, then redistopo move"
    assert f"{back} --port {project.port + by}\n" in refused
    project.run("down", check=0)
    steps = project.run("plan", "--json", check=0).json["result"]["steps"]
    assert ("readdress" in [one["do"] for one in steps]) == (shape in ("cluster", "sentinel"))
    project.port += by
    project.up()
    assert _kept(project) == kept
    assert _ids(project, shape) == ids
    assert list(judge.roles(project.ports, project.password).values()) == roles
    assert project.faults(cluster=shape == "cluster") == []
    assert project.run("up", "--json", check=0).json["result"]["steps"] == []
    if shape == "sentinel":
        with project.sentinel(2) as watching:
            lead = watching.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "project")
        assert [str(one) for one in lead] == ["127.0.0.1", str(project.port + 1)]


def test_up_that_is_refused_leaves_the_former_addresses_in_the_files(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    project.run("cli", "--", "SET", "key", "1", check=0)
    project.run("down", check=0)
    former = (project.root / "redistopo.toml").read_text()
    _set(project, port=project.port + 1)
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", project.port + 6))
        stranger.listen()
        assert "is in use" in project.run("up", check=4).err
    for words in ("start node1", "restart node1", "set maxmemory 1gb", "failover node4"):
        done = project.run(*words.split(), check=2)
        assert "redistopo up starts all nodes at the new addresses" in done.err, words
    (project.root / "redistopo.toml").write_text(former)
    project.up()
    assert _kept(project) == {"key"}


@pytest.mark.parametrize("shape", ["cluster", "sentinel"])
def test_other_hosts_and_an_interruption_between_two_files(project: Project, shape: str) -> None:
    project.init(shape, "--formation", "instant", engine=BUNDLED.path)
    project.up()
    project.run("cli", "--", "SET", "key", "1", check=0)
    project.run("down", check=0)
    _set(project, port=project.port + 1, host='"127.0.0.2"')
    if shape == "sentinel":
        _set(project, sentinel_port=project.port + 11)
    # what a killed `up` leaves: one node's file is new, the record is not
    name, file = ("node2", "nodes.conf") if shape == "cluster" else ("sentinel2", "sentinel.conf")
    record = project.root / ".redistopo" / "record.json"
    before = record.read_text()
    path = project.root / ".redistopo" / "nodes" / name / file
    others = [one for one in path.parent.parent.glob(f"*/{file}") if one != path]
    texts = {one: one.read_text() for one in others}
    project.up()
    project.run("down", check=0)
    record.write_text(before)
    for one, text in texts.items():
        one.write_text(text)
    steps = project.run("plan", "--json", check=0).json["result"]["steps"]
    named = next(one["nodes"] for one in steps if one["do"] == "readdress")
    assert name not in named
    assert len(named) == len(others)
    project.up()
    assert project.run("cli", "--", "GET", "key", check=0).out == "1\n"
    with judge.client(project.port + 1, project.password, "127.0.0.2") as node:
        assert node.info("server")["tcp_port"] == project.port + 1
