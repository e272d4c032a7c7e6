"""Drills that can't succeed: refused, with what was seen; with --force shown, and mended."""

import signal
from typing import Any

import psutil
from support.drilled import QUICK, cluster, left_over, part, report
from support.engines import BUNDLED
from support.judge import roles
from support.project import Project
from support.waiting import until


def _refused(project: Project, *words: str, code: int = 3) -> dict[str, Any]:
    """A drill was refused with that code, and nobody was hurt."""
    pids = {one.pid for one in project.servers()}
    done = project.run("drill", "failover", "--json", *words, check=code)
    assert {one.pid for one in project.servers()} == pids
    assert left_over(project) == []
    error: dict[str, Any] = done.json["error"]
    return error


def test_wrong_words_are_a_wrong_request(project: Project) -> None:
    cluster(project, engine=BUNDLED.path)
    for words in (
        ("--shard", "9"),
        ("--node", "node77"),
        ("--node", "replica"),
        ("--shard", "1", "--node", "node1"),
        ("--fault", "flood"),
        ("--max-downtime", "soon"),
        ("--rate", "0"),
    ):
        project.run("drill", "failover", *words, check=2)
    assert "names one" not in _refused(project, "--shard", "9", code=2)["message"]


def test_a_replica_that_may_not_take_over(project: Project) -> None:
    cluster(project, engine=BUNDLED.path)
    replica = project.port + 3
    with project.client(replica) as node:
        node.config_set("cluster-replica-no-failover", "yes")
    error = _refused(project)
    assert "no replica can take over from node1" in error["message"]
    assert "node4 may not take over (cluster-replica-no-failover yes)" in error["detail"]


def test_one_of_two_primaries_is_no_majority(project: Project) -> None:
    cluster(project, "--shards", "2", engine=BUNDLED.path)
    error = _refused(project)
    assert "1 of 2 primaries would be left to vote, and 2 are needed" in error["detail"]
    assert "--shards 3" in error["hint"]
    # forced, it shows how it fails, and mends it
    found = report(project, "--force", "--max-downtime", "2s", "--fault", "freeze", check=3)
    assert "no replica took over within 4 s" in found["reasons"]
    assert part(found, "writes")["unavailable"] > 4000
    assert found["healed"] is not None
    assert project.faults() == []
    assert roles(project.ports, project.password)[project.port] == "master"
    assert left_over(project) == []


def test_a_primary_without_a_replica(project: Project) -> None:
    project.init("cluster", *QUICK, "--replicas", "0", engine=BUNDLED.path)
    project.up()
    assert _refused(project)["detail"] == "node1 has no replica"


def test_an_unhealthy_topology_is_not_drilled(project: Project) -> None:
    cluster(project, engine=BUNDLED.path)
    psutil.Process(project.pid(5)).send_signal(signal.SIGKILL)
    until(lambda: len(project.servers()) == 5)
    error = project.run("drill", "failover", "--json", check=3).json["error"]
    assert "isn't healthy" in error["message"]
    assert "node5" in error["detail"]
    # its own shard has no replica left
    error = project.run("drill", "failover", "--shard", "2", "--json", check=3).json["error"]
    assert error["detail"] == "node2 has no replica"
    assert "redistopo up starts node5" in error["hint"]
    found = report(project, "--force")
    assert found["roles_after"]["node1"] == "replica"
    assert project.faults() == []


def test_a_replication_has_no_automatic_failover(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    error = _refused(project, code=2)
    assert "no automatic failover" in error["message"]
    assert "redistopo failover" in error["hint"]
    found = report(project, "--force", "--max-downtime", "1s", "--restore-roles", check=3)
    assert not found["passed"]
    assert part(found, "writes")["unavailable"] > 1000
    assert project.faults(cluster=False) == []
    assert left_over(project) == []
    # nobody misses a replica
    found = report(project, "--node", "node2", "--fault", "partition")
    assert part(found, "writes")["unavailable"] == 0
    assert project.faults(cluster=False) == []
