"""A node taken out of its cluster by CLUSTER RESET, and taken back by `up`: the full circle."""

import re
from contextlib import closing
from typing import Any

import pytest
import redis
from support.engines import BUNDLED, ENGINES
from support.forms import spread
from support.judge import roles
from support.project import Done, Project
from support.terminal import Terminal
from support.waiting import until

KEYS = 60

_BY_AGE = sorted(ENGINES, key=lambda name: ENGINES[name].version)
EDGES = spread([*dict.fromkeys([_BY_AGE[0], _BY_AGE[-1]])], 1)
"""Redis, where nobody meets the node but `up`, and Valkey, where the others meet it again; the
tests below run on the Valkey between."""


def _up(project: Project, engine: str, *more: str) -> None:
    words = ("--formation", "instant", "--node-timeout", "1000", *more)
    project.init("cluster", *words, engine=engine)
    project.up()
    with closing(_cluster(project)) as client:
        for n in range(KEYS):
            client.set(f"key:{n}", n)
        for port in project.ports[:3]:
            with project.client(port) as node:
                assert node.execute_command("WAIT", 1, 3000) == 1


def _cluster(project: Project) -> Any:
    return redis.RedisCluster("127.0.0.1", project.port, password=project.password)


def _kept(project: Project) -> int:
    """How many of the keys a client of the cluster finds."""
    with closing(_cluster(project)) as client:
        return sum(client.get(f"key:{n}") == str(n).encode() for n in range(KEYS))


def _id(project: Project, node: int) -> str:
    with project.client(project.port + node - 1) as client:
        return str(client.execute_command("CLUSTER", "MYID"))


def _replica_of(project: Project, node: int) -> int:
    """The number of the one replica that a node has."""
    with project.client(project.port + node - 1) as client:
        return int(client.info("replication")["slave0"]["port"]) - project.port + 1


def _asked(project: Project, primary: int, replica: int, *words: str, first: str = "") -> None:
    """The words are refused: the replica would be emptied by its primary, which was reset."""
    refused = project.run(*words, check=2).err
    for said in (refused, project.run("plan", check=0).out):
        assert f"node{replica} would be emptied: its primary node{primary} was reset" in said
        assert f"to keep them: {first}redistopo up --primary node{replica}" in said
        assert "discard" not in said
    plan = project.run("plan", "--json", check=0).json["result"]
    assert plan["steps"] == []
    assert "would be emptied" in plan["refusal"]["message"]


def _up_led(project: Project, code: int, *names: str) -> Done:
    words = (word for name in names for word in ("--primary", name))
    return project.run("up", *words, check=code)


def _whole(project: Project) -> None:
    until(lambda: project.faults() == [], what="healthy")


@pytest.mark.fault(
    "a primary is reset with --force while its replica, which has the data on disk, is stopped",
    "`up`, `start`, `restart` and `resume` refuse to empty it, and name the command that "
    "keeps its keys; the chosen node becomes primary",
)
@pytest.mark.parametrize("engine", EDGES)
def test_the_full_circle(project: Project, engine: str) -> None:
    _up(project, ENGINES[engine].path)
    replica = _replica_of(project, 1)
    name = f"node{replica}"

    # a replica, with the id that it has
    refused = project.run("reset", name, check=2)
    assert "its id" in refused.err
    assert "--yes" in refused.err
    _whole(project)
    before = _id(project, replica)
    done = project.run("reset", name, "--yes", check=0)
    assert "Add it again   redistopo up" in done.out
    with project.client(project.port + replica - 1) as node:
        assert node.dbsize() == 0
        assert node.info("replication")["role"] == "master"
    # killed and started: what it had doesn't come back from its disk
    project.crash(replica)
    project.up()
    assert roles(project.ports, project.password)[project.port + replica - 1] == "slave"
    assert _id(project, replica) == before
    _whole(project)

    # a primary, with a new id: its replica leads first, and nothing is lost
    before, heir = _id(project, 2), _replica_of(project, 2)
    done = project.run("reset", "node2", "--hard", "--yes", check=0)
    assert f"node2 -> node{heir}: writes waited" in done.out
    assert _kept(project) == KEYS
    project.up()
    assert _id(project, 2) != before
    _whole(project)
    assert _kept(project) == KEYS

    _given_up(project, _kept_by_a_stopped_replica(project))


def _kept_by_a_stopped_replica(project: Project) -> int:
    """A primary whose replica is down: refused; with --force, `up` asks which of both leads, and
    the replica, whose number is answered, has all of the data."""
    last = _replica_of(project, 3)
    project.run("stop", f"node{last}", check=0)
    refused = project.run("reset", "node3", "--yes", check=1)
    assert "keys lost: no other node that replies has its data" in refused.err
    assert f"node{last} may have it: redistopo start" in refused.err
    assert _kept(project) == KEYS
    project.run("reset", "node3", "--hard", "--force", "--yes", check=0)
    _asked(project, 3, last, "up")
    _asked(project, 3, last, "start", f"node{last}")
    _asked(project, 3, last, "restart", f"node{last}")
    assert "can't both be primary" in _up_led(project, 2, "node3", f"node{last}").err
    told = project.run("up", "--dry-run", "--primary", f"node{last}", check=0)
    assert f"promote, with the data on its disk, node{last}" in told.out
    _up_led(project, 0, f"node{last}")
    _whole(project)
    assert roles(project.ports, project.password)[project.port + last - 1] == "master"
    assert _kept(project) == KEYS
    assert "nothing to do" in project.up().out
    return last


def _given_up(project: Project, last: int) -> None:
    """All are stopped, so that their files alone tell of the reset; the replica's data goes."""
    first = _replica_of(project, last)
    project.run("pause", f"node{first}", check=0)
    project.run("reset", f"node{last}", "--force", "--yes", check=0)
    _asked(
        project, last, first, "resume", f"node{first}", first=f"redistopo kill node{first}, then "
    )
    project.run("kill", f"node{first}", check=0)
    project.run("down", check=0)
    _asked(project, last, first, "up", "--dry-run")
    told = _up_led(project, 0, f"node{last}", f"node{first % 6 + 1}")
    assert "has no effect" in told.err
    _whole(project)
    assert 0 < _kept(project) < KEYS
    assert roles(project.ports, project.password)[project.port + last - 1] == "master"


def test_what_a_replica_alone_has_is_given_up_by_force_only(project: Project) -> None:
    """One whose link broke before its primary lost keys, and one whose primary is down."""
    _up(project, BUNDLED.path)
    replica = _replica_of(project, 1)
    name = f"node{replica}"
    with (
        project.client(project.port) as primary,
        project.client(project.port + replica - 1) as node,
    ):
        node.config_set("masterauth", "wrong")
        primary.execute_command("CLIENT", "KILL", "TYPE", "replica")
        until(lambda: node.info("replication")["master_link_status"] == "down")
        held = node.dbsize()
        for key in primary.keys()[2:]:
            primary.delete(key)
        refused = project.run("reset", name, "--yes", check=1)
        assert f"{held} keys lost: no other node that replies has its data" in refused.err
        assert "(node1 has 2 keys, but isn't linked)" in refused.err
        assert node.dbsize() == held
        project.run("reset", name, "--force", "--yes", check=0)
        assert node.dbsize() == 0
        node.config_set("masterauth", project.password)
    project.up()
    _whole(project)

    # its primary is down, and it may not lead
    replica = _replica_of(project, 2)
    name = f"node{replica}"
    with project.client(project.port + replica - 1) as node:
        node.config_set("cluster-replica-no-failover", "yes")
        project.crash(2)
        held = node.dbsize()
        refused = project.run("reset", name, "--yes", check=1)
        assert "node2 may have it: redistopo start" in refused.err
        assert f"redistopo reset {name} --force gives it up" in refused.err
        assert node.dbsize() == held > 0
        project.run("reset", name, "--force", "--yes", check=0)
        assert node.dbsize() == 0
    project.crash(replica)  # nor does its disk bring back what would claim slots
    project.up()
    _whole(project)
    with project.client(project.port + 1) as primary:
        assert primary.dbsize() == held


def test_a_reset_by_hand_is_mended_too(project: Project) -> None:
    """As done in anger: by redis-cli, with a new id, and the others not told."""
    _up(project, BUNDLED.path)
    number = _replica_of(project, 1)
    with project.client(project.port + number - 1) as node:
        node.execute_command("CLUSTER", "RESET", "HARD")
    assert "redistopo up if one of them was reset" in project.run("verify", check=3).out
    planned = project.run("plan", check=0)
    assert f"add to the cluster node{number}, as a replica of node1" in planned.out
    project.up()
    _whole(project)
    assert _kept(project) == KEYS
    assert "nothing to do" in project.up().out


@pytest.mark.fault(
    "a replica is reset, and its server crashes before its files are deleted",
    "`up` empties it again and adds it to the cluster; if its primary has fewer keys, `up` "
    "reports how to keep them",
)
def test_keys_that_a_disk_brings_back_after_a_reset(project: Project) -> None:
    """As after a SIGKILL of redistopo between CLUSTER RESET and FLUSHALL."""
    _up(project, BUNDLED.path)
    number = _replica_of(project, 1)
    for fewer in (False, True):
        with project.client(project.port + number - 1) as node:
            node.execute_command("CLUSTER", "RESET", "HARD")
        project.crash(number)
        if fewer:
            with project.client(project.port) as primary:
                kept = primary.keys()[1:]
                gone = set(primary.keys()) - set(kept)
                primary.unlink(*gone)
            refused = project.run("up", "--json", check=1).json["error"]
            told = f"node{number} was reset, but has more keys on disk than node1"
            assert refused["message"].startswith(told)
            start, save, reset, up = re.findall(r"redistopo ([^;,]+)", refused["hint"])
            project.run(*start.split(), check=0)
            assert "has more keys on disk" in project.run("plan", check=0).out
            project.run(*save.split(), check=0)
            saved = (project.root / f"node{number}.rdb").read_bytes()
            assert {key.encode() for key in gone} <= set(re.findall(rb"key:[0-9]+", saved))
            project.run(*reset.split(), "--yes", check=0)
            project.run(*up.split(), check=0)
        else:
            assert f"empty and reset again node{number}" in project.up().err
        _whole(project)
        assert _kept(project) == KEYS - fewer


@pytest.mark.fault(
    "a primary is reset with --force while its replica is paused and has all keys only in memory",
    "`resume` and SIGCONT are refused; the command that is printed keeps every key",
)
def test_a_paused_replica_is_not_emptied_when_resumed(project: Project) -> None:
    _up(project, BUNDLED.path, "--persistence", "none")
    number = _replica_of(project, 1)
    name = f"node{number}"
    project.run("pause", name, check=0)
    project.run("reset", "node1", "--hard", "--force", "--yes", check=0)
    for words in (("resume",), ("resume", name), ("kill", name, "--signal", "CONT"), ("up",)):
        refused = project.run(*words, check=2).err
        assert f"{name} would be emptied: its primary node1 was reset" in refused
        assert f"redistopo stop node1, then redistopo resume {name}, then" in refused
    # as it says
    project.run("stop", "node1", check=0)
    project.run("resume", name, check=0)
    for words in (("up",), ("start", "node1"), ("up", "--dry-run")):
        refused = project.run(*words, check=2).err
        assert f"to keep them: redistopo call --node {name} CLUSTER FAILOVER TAKEOVER;" in refused
    project.run("call", "--node", name, "CLUSTER", "FAILOVER", "TAKEOVER", check=0)
    project.up()
    _whole(project)
    assert _kept(project) == KEYS

    # nor by a primary that was killed, and has nothing on disk
    number = _replica_of(project, 2)
    project.run("pause", f"node{number}", check=0)
    project.crash(2)
    refused = project.run("start", "node2", check=2).err
    assert f"node{number} is paused, and may have more than its primary has on disk" in refused
    project.run("resume", f"node{number}", check=0)
    project.up()
    _whole(project)
    assert _kept(project) == KEYS


def test_asked_on_a_terminal(project: Project) -> None:
    _up(project, BUNDLED.path)
    assert "reset needs a node" in project.run("reset", check=2).err
    without = project.run("reset", "node1", check=2).err
    assert "Next: redistopo reset node1 --yes   (your choice; would lose" in without
    terminal = Terminal(project, "reset", "node1")
    until(lambda: "Reset node1? [y/N]" in terminal.read(), 30)
    assert "is promoted first, with slots 0-5460 and all data" in terminal.read()
    terminal.type("n\r")
    assert terminal.end() == 1
    assert "nothing was changed" in terminal.read()
    _whole(project)
