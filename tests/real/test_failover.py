"""A planned handover on real servers: who leads, what writers see, and what a refusal leaves."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.engines import BUNDLED, ENGINES, TLS
from support.forms import spread
from support.judge import roles
from support.project import Project
from support.waiting import until
from support.writers import writing

_CLUSTER = ("cluster", "--formation", "instant", "--node-timeout", "1000")


def _leaders(project: Project) -> list[int]:
    """The primaries' numbers, as in node2."""
    said = roles(project.ports, project.password)
    return [port - project.port + 1 for port, role in said.items() if role == "master"]


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("name", spread(sorted(ENGINES), 1))
def test_a_replication_under_load(project: Project, name: str) -> None:
    project.init("replication", engine=ENGINES[name].path)
    project.up()
    with writing(project.ports, project.password, clustered=False) as writers:
        for node, words in ((3, ["node3"]), (2, [str(project.port + 1)])):
            done = project.run("failover", *words, "--json", check=0).json["result"]
            assert _leaders(project) == [node]
            assert done["handover"]["after"] == f"node{node}"
            assert done["handover"]["milliseconds"] < 1000
    assert writers.lost() == []
    assert max(map(writers.longest_gap, range(3))) < 1
    assert project.faults(cluster=False) == []
    assert "none" in project.run("up", "--dry-run", check=0).out
    project.run("kill", "replica", check=0)
    assert "has no replica to promote" in project.run("failover", "primary", check=2).err
    project.run("up", check=0)
    project.run("failover", "node1", check=0)


@pytest.mark.parametrize("name", spread(sorted(ENGINES), 2))
def test_a_cluster_under_load(project: Project, name: str) -> None:
    project.init(*_CLUSTER, engine=ENGINES[name].path)
    project.up()
    with writing(project.ports, project.password, clustered=True) as writers:
        for words in (["shard:1"], ["node1"]):  # there and back, without a break
            done = project.run("failover", *words, "--json", check=0).json["result"]
            assert done["handover"]["milliseconds"] < 1000
    assert sorted(_leaders(project)) == [1, 2, 3]
    assert writers.lost() == []
    assert max(map(writers.longest_gap, range(3))) < 1
    assert project.faults() == []


@pytest.mark.parametrize("name", spread(sorted(ENGINES), 1))
@pytest.mark.parametrize("shards", [1, 3])
def test_a_restarted_replica_gets_the_highest_epoch(
    project: Project, name: str, shards: int
) -> None:
    """By its nodes.conf it has its primary's epoch, so that a takeover would not raise it, and the
    ids would decide which of the two owns the slots."""
    project.init(*_CLUSTER, "--shards", str(shards), engine=ENGINES[name].path)
    project.up()
    first = project.run("failover", "shard:1", "--json", check=0).json["result"]["handover"]
    project.run("restart", "node1", check=0)
    done = project.run("failover", "shard:1", "--json", check=0).json["result"]["handover"]
    assert (done["before"], done["after"]) == (first["after"], "node1")
    numbers = sorted(_leaders(project))
    epochs = {}
    for number in range(1, shards * 2 + 1):
        with project.client(project.ports[number - 1]) as node:
            own = node.execute_command("CLUSTER INFO")
            epochs[number] = int(own["cluster_my_epoch"])
    assert numbers[0] == 1
    assert len(numbers) == shards
    assert len({epochs[number] for number in numbers}) == shards
    assert epochs[1] == max(epochs.values())
    assert project.faults() == []


def test_roles_outlive_down(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    project.run("failover", "node2", check=0)
    again = project.run("failover", "node2", check=0)
    assert "node2 is already primary of shard 1: nothing was changed" in again.out
    project.run("down", check=0)
    project.up()
    assert _leaders(project) == [2]
    assert project.run("verify").code == 0


@pytest.mark.skipif(TLS is None, reason="no server with TLS: apt install redis-server")
def test_with_users_and_tls(project: Project) -> None:
    assert TLS is not None
    project.init("replication", "--replicas", "1", "--acl", "--tls", engine=TLS.path)
    project.up()
    assert "node2" in project.run("failover", check=0).out
    assert project.run("verify").code == 0


def test_what_cannot_be_leaves_all_as_it_was(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    assert "nothing was started" in project.run("failover", check=1).err
    project.up()
    with project.client(project.ports[1]) as node:
        node.config_set("masterauth", "wrong")
        node.execute_command("CLIENT", "KILL", "TYPE", "MASTER")
        until(lambda: node.info("replication")["master_link_status"] == "down")
        refused = project.run("failover", check=1)
    assert "node2: its link to node1 is down" in refused.err
    assert _leaders(project) == [1]
    assert project.client().set("written", "yes")


def test_a_replica_that_stops_in_the_middle(project: Project) -> None:
    """It answers when it is chosen, and no more when the writes are paused."""
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    with project.client() as node, _stopped(project.pid(2)):
        node.set("k", "v")
        refused = project.run("failover", "node2", check=1)
        assert "doesn't reply" in refused.err
        assert node.set("written", "yes")
    assert _leaders(project) == [1]


def test_a_whole_cluster_is_too_much(project: Project) -> None:
    project.init(*_CLUSTER, engine=BUNDLED.path)
    project.up()
    refused = project.run("failover", check=2).err
    assert "3 shards are selected" in refused
    assert "shard:2  primary node2, replicas node5" in refused
