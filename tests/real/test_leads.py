"""Who leads after a primary is gone: acknowledged data is never overwritten unasked."""

import shlex
import shutil
import subprocess
import time

import pytest
from support.engines import BUNDLED
from support.judge import roles
from support.project import Project
from support.waiting import until


def _linked(project: Project, port: int) -> bool:
    return bool(project.client(port).info("replication")["master_link_status"] == "up")


def _set(project: Project, port: int, key: str, copies: int) -> None:
    with project.client(port) as node:
        node.set(key, "yes")
        assert node.execute_command("WAIT", copies, 3000) >= copies


def _has(project: Project, key: str) -> bool:
    return all(project.client(port).get(key) == "yes" for port in project.ports)


def test_newer_data_is_seen_though_a_replica_runs(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    second = project.ports[1]
    _set(project, project.port, "older", 2)
    project.crash(1)
    killed = time.time()
    until(lambda: time.time() > killed + 1.2, what="the clock tells the writes apart")
    with project.client(second) as node:
        node.execute_command("REPLICAOF", "NO", "ONE")
        node.set("newer", "yes")
    project.crash(2)
    assert "node2 wrote data" in project.run("up", check=2).err
    assert project.run("up", "--dry-run").code == 2
    project.up("--primary", "node2")
    assert _has(project, "newer")


@pytest.mark.parametrize("running", [False, True])
def test_a_primary_without_its_data_does_not_lead(project: Project, *, running: bool) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    _set(project, project.port, "kept", 2)
    project.crash(*([1] if running else [1, 2, 3]))
    shutil.rmtree(project.folder(1))
    for words in ((), ("--primary", "node1")):
        refused = project.run("up", *words, check=2)
        assert "node1 would be primary, but has no data; node2, node3 has" in refused.err
    project.up("--primary", "node2")
    assert _has(project, "kept")
    assert roles(project.ports, project.password)[project.ports[1]] == "master"


@pytest.mark.parametrize("persistence", ["rdb", "none"])
def test_a_running_replica_leads_where_the_primary_has_no_log(
    project: Project, persistence: str
) -> None:
    project.init("replication", "--persistence", persistence, engine=BUNDLED.path)
    project.up()
    _set(project, project.port, "kept", 2)
    project.crash(1)
    done = project.up()
    assert "becomes primary: it has all the data" in done.err
    assert _has(project, "kept")
    assert project.faults(cluster=False) == []


@pytest.mark.parametrize("running", [False, True])
def test_a_cluster_primary_without_its_data_does_not_start(
    project: Project, *, running: bool
) -> None:
    project.init("cluster", "--node-timeout", "30000", engine=BUNDLED.path)
    project.up()
    key = "{06S}kept"
    with project.client() as node:
        slot = node.execute_command("CLUSTER", "KEYSLOT", key)
        owners = node.execute_command("CLUSTER", "SLOTS")
    port = next(one[2][1] for one in owners if one[0] <= slot <= one[1])
    _set(project, port, key, 1)
    lead = port - project.port + 1
    project.crash(*([lead] if running else range(1, 7)))
    for path in project.folder(lead).glob("append*"):
        shutil.rmtree(path)
    told = f"node{lead} would be primary, but has no data; "
    refused = project.run("up", check=2)
    assert told in refused.err
    assert told in project.run("up", "--rebuild", f"node{lead}", check=2).err
    hint = " ".join(refused.err.split())
    if running:
        name, _, order = hint.split("; after")[0].split("promote ")[1].partition(": redistopo ")
        assert "OK" in project.run(*order.split(), check=0).out
        port = project.port + int(name.removeprefix("node")) - 1
    else:
        order = hint.split("copy the data: ")[1].split("; then")[0]
        assert shlex.split(order)[:2] == ["mkdir", "-p"]
        subprocess.run(["sh", "-c", order], check=True)
    project.up()
    with project.client(port) as node:
        assert node.get(key) == "yes"
    assert project.faults() == []


@pytest.mark.parametrize("persistence", ["rdb", "none"])
def test_a_cluster_replica_takes_over_where_the_primary_has_no_log(
    project: Project, persistence: str
) -> None:
    words = ("--node-timeout", "30000", "--persistence", persistence)
    project.init("cluster", *words, engine=BUNDLED.path)
    project.up()
    key = "{06S}kept"
    with project.client() as node:
        slot = node.execute_command("CLUSTER", "KEYSLOT", key)
        # a replica is listed once its primary has heard of its offset
        until(lambda: all(len(one) > 3 for one in node.execute_command("CLUSTER", "SLOTS")))
        owners = node.execute_command("CLUSTER", "SLOTS")
    first, second = next(one[2:4] for one in owners if one[0] <= slot <= one[1])
    _set(project, first[1], key, 1)
    project.crash(first[1] - project.port + 1)
    assert f"promote node{second[1] - project.port + 1}" in project.up().err
    with project.client(second[1]) as node:
        assert node.get(key) == "yes"
    assert project.faults() == []


def test_two_primaries_are_asked_about(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    _set(project, project.port, "kept", 1)
    with project.client(project.ports[1]) as node:
        node.execute_command("REPLICAOF", "NO", "ONE")
    project.run("down", check=0)
    assert "more than one was primary" in project.run("up", check=2).err
    project.up("--primary", "node2")
    assert _has(project, "kept")


def test_a_running_replica_is_promoted_when_asked_for(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    _set(project, project.port, "kept", 2)
    project.crash(1)
    project.up("--primary", "node3")
    assert roles(project.ports, project.password)[project.ports[2]] == "master"
    assert _has(project, "kept")
    assert _linked(project, project.ports[1])
