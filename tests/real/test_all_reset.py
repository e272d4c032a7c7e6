"""Nodes that were all taken apart by hand while they ran, and a way back that works."""

from contextlib import closing, suppress
from typing import Any

import pytest
import redis
from support.engines import BUNDLED
from support.forms import spread
from support.judge import roles
from support.project import Project
from support.waiting import until

KEYS = 30
_WAY = "redistopo down, then redistopo up"


def _cluster(project: Project) -> Any:
    return redis.RedisCluster("127.0.0.1", project.port, password=project.password)


def _reset_all(project: Project, order: list[int]) -> None:
    for node in order:
        with project.client(project.port + node - 1) as client:
            with suppress(redis.ResponseError):  # a replica refuses FLUSHALL
                client.flushall()
            client.execute_command("CLUSTER", "RESET", "HARD")


def _roles(project: Project) -> list[str]:
    return sorted(roles(project.ports, project.password).values())


@pytest.mark.parametrize("replicas_first", spread([True, False], 1))
def test_a_cluster_of_which_all_nodes_were_reset_comes_back_with_what_its_logs_have(
    project: Project, replicas_first: bool
) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    with closing(_cluster(project)) as client:
        for n in range(KEYS):
            client.set(f"key:{n}", n)
    for port in project.ports[:3]:
        with project.client(port) as node:
            node.execute_command("WAIT", 1, 3000)
    _reset_all(project, [4, 5, 6, 1, 2, 3] if replicas_first else [1, 2, 3, 4, 5, 6])
    refused = project.run("up", check=1, seconds=20)
    assert "all nodes were reset" in refused.err
    assert f"Next: {_WAY}" in refused.err
    for words in (["verify", "--timeout", "1s"], ["plan"]):
        told = project.run(*words)
        assert _WAY in told.out, told.out
    project.run("down", check=0)
    project.up()
    until(lambda: project.faults() == [])
    with closing(_cluster(project)) as client:
        left = sum(client.get(f"key:{n}") == str(n).encode() for n in range(KEYS))
    # replicas that were reset first had no order to flush, and their logs have all keys
    assert left == (KEYS if replicas_first else 0)


def test_replicas_that_were_all_made_primaries_are_told_at_once_with_commands_that_work(
    project: Project,
) -> None:
    project.init("replication", "--replicas", "2", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
        node.execute_command("WAIT", 2, 3000)
    for port in project.ports:
        with project.client(port) as node:
            node.execute_command("REPLICAOF", "NO", "ONE")
    for _ in range(2):
        done = project.run("up", check=3, seconds=30)
        hint = done.err.partition("Next: ")[2].partition("redistopo ")[2]
        words = hint.splitlines()[0].partition("   (")[0].partition(", or")[0].split()
        project.run(*words, check=0)
        if _roles(project) == ["master", "slave", "slave"]:
            break
    project.up()
    assert _roles(project) == ["master", "slave", "slave"]
    with project.client() as node:
        assert node.get("kept") == "yes"


def test_sentinels_that_were_all_made_to_monitor_nothing_monitor_the_primary_again(
    project: Project,
) -> None:
    project.init("sentinel", engine=BUNDLED.path)
    project.up()
    for number in (1, 2, 3):
        with project.sentinel(number) as sentinel:
            name = sentinel.execute_command("SENTINEL", "MASTERS")[0][1]
            sentinel.execute_command("SENTINEL", "REMOVE", name)
    project.run("verify", "--timeout", "1s", check=3)
    project.up()
    for number in (1, 2, 3):
        with project.sentinel(number) as sentinel:
            (found,) = sentinel.execute_command("SENTINEL", "MASTERS")
            assert str(project.port) in found
