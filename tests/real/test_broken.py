"""A corpus of broken topologies, each made for real on servers: verify names every one.

REDISTOPO_TEST_ENGINE (as redis-7.0.15) picks another engine than the bundled one.
"""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import pytest
import redis
from support.engines import BUNDLED, ENGINES
from support.forms import spread
from support.project import Project
from support.waiting import until

ENGINE = ENGINES.get(os.environ.get("REDISTOPO_TEST_ENGINE", ""), BUNDLED)

Projects = Callable[[str], Project]
Break = Callable[[Project, Projects], None]
Edit = Callable[[int, int, list[str]], None]
"""Given whose table it is, whom a line is about, and the line's fields, which it may change."""


CLUSTER = ("cluster", "--formation", "instant")
REPLICATION = ("replication",)


def _ask(project: Project, node: int, *words: str | int) -> Any:
    with project.client(project.port + node - 1) as client:
        return client.execute_command(*words)


def _id(project: Project, node: int) -> str:
    return str(_ask(project, node, "CLUSTER", "MYID"))


def _restarted(project: Project, edit: Edit, *, cut: bool = False, start: bool = True) -> None:
    """All nodes start again on tables that were edited; with `cut`, none finds another's bus."""
    ids = {_id(project, node): node for node in range(1, 7)}
    project.run("down", check=0)
    for node in range(1, 7):
        table = project.folder(node) / "nodes.conf"
        lines = [line.split(" ") for line in table.read_text().splitlines()]
        for fields in lines:
            if fields[0] in ids:
                edit(node, ids[fields[0]], fields)
                if cut and "myself" not in fields[2]:
                    fields[1] = re.sub("@[0-9]+", "@1", fields[1])
        table.write_text("".join(" ".join(fields) + "\n" for fields in lines))
    if start:
        project.run("up", "--timeout", "1s", "--keep", check=3)


def _linked(project: Project, node: int) -> set[str]:
    """Ids of those to which that node has a bus link."""
    told = _ask(project, node, "CLUSTER NODES").values()
    return {
        one["node_id"] for one in told if one["connected"] and "myself" not in str(one["flags"])
    }


def _slot_lost(project: Project, _: Projects) -> None:
    for node in range(1, 7):
        _ask(project, node, "CLUSTER", "DELSLOTS", 0)


def _two_owners(project: Project, _: Projects) -> None:
    def edit(node: int, about: int, fields: list[str]) -> None:
        if node == 2 and about == 1:
            fields[8:] = ["1-5460"]
        if node == 2 and about == 2:
            fields.append("0")

    _restarted(project, edit, cut=True)


def _one_epoch(project: Project, _: Projects) -> None:
    def edit(_node: int, about: int, fields: list[str]) -> None:
        if about in (1, 2):
            fields[6] = "7"

    _restarted(project, edit, cut=True)


def _stale_epoch(project: Project, _: Projects) -> None:
    """Its nodes.conf comes from an older backup, and it was started by hand: `up` refuses that."""

    def edit(node: int, about: int, fields: list[str]) -> None:
        if node == about == 1:
            fields[6] = "0"

    _restarted(project, edit, start=False)
    assert "nodes.conf is an older copy" in project.run("up", check=1).err
    project.run("start", *(f"node{node}" for node in range(2, 7)), check=0)
    by_hand = ["sh", "-c", '"$0" redis.conf > /dev/null &', ENGINE.path]
    subprocess.run(by_hand, cwd=project.folder(1), check=True)

    def answers() -> bool:
        with suppress(redis.ConnectionError):
            return bool(_ask(project, 1, "PING"))
        return False

    until(answers)


def _chain_in_cluster(project: Project, _: Projects) -> None:
    """A table that no command makes: node6 follows node5, itself a replica."""
    fifth = _id(project, 5)

    def edit(_node: int, about: int, fields: list[str]) -> None:
        if about == 6:
            fields[3] = fifth

    _restarted(project, edit)


def _chain(project: Project, _: Projects) -> None:
    _ask(project, 3, "REPLICAOF", "127.0.0.1", project.port + 1)
    until(lambda: _ask(project, 3, "INFO", "replication")["master_link_status"] == "up")


def _other_password(project: Project, _: Projects) -> None:
    _ask(project, 4, "CONFIG", "SET", "requirepass", "another")


def _other_masterauth(project: Project, _: Projects) -> None:
    _ask(project, 4, "CONFIG", "SET", "masterauth", "another")
    _ask(project, 4, "CLIENT", "KILL", "TYPE", "master")


def _unlocked(project: Project, _: Projects) -> None:
    _ask(project, 1, "CONFIG", "SET", "requirepass", "")


def _drift(project: Project, _: Projects) -> None:
    _ask(project, 1, "CONFIG", "SET", "cluster-node-timeout", 1234)


def _one_way_link(project: Project, _: Projects) -> None:
    """node4 reaches everybody; nobody reaches node4, which announces a wrong bus port."""
    four = _id(project, 4)
    _ask(project, 4, "CONFIG", "SET", "cluster-announce-bus-port", 1)
    until(lambda: all(four not in _linked(project, node) for node in (1, 2, 3, 5, 6)))


def _migrating(project: Project, _: Projects) -> None:
    _ask(project, 1, "CLUSTER", "SETSLOT", 0, "MIGRATING", _id(project, 2))


def _importing(project: Project, _: Projects) -> None:
    _ask(project, 2, "CLUSTER", "SETSLOT", 0, "IMPORTING", _id(project, 1))


def _stranger(project: Project, _: Projects) -> None:
    """Nobody is there; the node waits in handshake."""
    _ask(project, 1, "CLUSTER", "MEET", "127.0.0.1", project.port + 12)


def _another_cluster(project: Project, projects: Projects) -> None:
    other = projects("other")
    project.env["REDISTOPO_PASSWORD"] = ""
    other.init("cluster", "--shards", "1", "--replicas", "0", engine=ENGINE.path)
    other.up()
    _ask(project, 1, "CLUSTER", "MEET", "127.0.0.1", other.port)
    until(lambda: all(len(_ask(project, n, "CLUSTER NODES")) == 7 for n in range(1, 7)))


def _new_id(project: Project, _: Projects) -> None:
    """node6 lost its nodes.conf: all others know its former id, which has no address any more."""
    six = _id(project, 6)
    _ask(project, 6, "CLUSTER", "RESET", "HARD")
    _ask(project, 6, "CLUSTER", "MEET", "127.0.0.1", project.port)
    until(lambda: "noaddr" in str(_ask(project, 1, "CLUSTER NODES")))
    until(lambda: all(six in str(_ask(project, n, "CLUSTER NODES")) for n in (1, 2, 3, 4, 5)))


def _forgotten(project: Project, _: Projects) -> None:
    six = _id(project, 6)
    for node in (1, 2, 3, 4, 5):
        if node != 3:
            _ask(project, node, "CLUSTER", "FORGET", six)


def _replica_moved(project: Project, _: Projects) -> None:
    _ask(project, 4, "CLUSTER", "REPLICATE", _id(project, 2))


def _outside_primary(project: Project, projects: Projects) -> None:
    other = projects("other")
    other.init("standalone", engine=ENGINE.path)
    other.up()
    _ask(project, 3, "CONFIG", "SET", "masterauth", other.password)
    _ask(project, 3, "REPLICAOF", "127.0.0.1", other.port)
    until(lambda: _ask(project, 3, "INFO", "replication")["master_link_status"] == "up")


def _split(project: Project, _: Projects) -> None:
    _ask(project, 2, "REPLICAOF", "NO", "ONE")


def _writable(project: Project, _: Projects) -> None:
    _ask(project, project.size, "CONFIG", "SET", "replica-read-only", "no")


def _killed(project: Project, _: Projects) -> None:
    psutil.Process(project.pid(4)).send_signal(signal.SIGKILL)


def _frozen(project: Project, _: Projects) -> None:
    psutil.Process(project.pid(4)).suspend()


def _no_failover(project: Project, _: Projects) -> None:
    _ask(project, 4, "CONFIG", "SET", "cluster-replica-no-failover", "yes")


def _shard_dead(project: Project, _: Projects) -> None:
    for node in (1, 4):
        psutil.Process(project.pid(node)).send_signal(signal.SIGKILL)
    until(lambda: _ask(project, 2, "CLUSTER INFO")["cluster_state"] == "fail")


HASTY = ("cluster", "--node-timeout", "1000", "--formation", "instant")
PATIENT = ("cluster", "--node-timeout", "60000", "--formation", "instant")

CORPUS: dict[str, tuple[Break, str, str, str, tuple[str, ...]]] = {
    "a slot without owner": (_slot_lost, "cluster.slots", "topology", "1 slot has no", CLUSTER),
    "two owners of a slot": (_two_owners, "cluster.slots", "topology", "two owners: 0", PATIENT),
    "two primaries with one epoch": (_one_epoch, "cluster.epochs", "topology", "epoch 7", PATIENT),
    "an owner with a stale epoch": (_stale_epoch, "cluster.epochs", "node1", "0 is stale", CLUSTER),
    "a replica's replica": (_chain, "replication.chain", "node3", "node2, which is", REPLICATION),
    "a replica's replica in a cluster": (
        _chain_in_cluster, "replication.shape", "node6", "node5, which is", CLUSTER,
    ),
    "another password": (_other_password, "node.alive", "node4", "rejected our password", CLUSTER),
    "another masterauth": (_other_masterauth, "replication.link", "node4", "status:down", CLUSTER),
    "the password removed": (_unlocked, "access.password", "node1", "'PONG'", CLUSTER),
    "a setting changed by hand": (_drift, "config.drift", "node1", "timeout is 1234", CLUSTER),
    "a one-way bus link": (
        _one_way_link, "cluster.links", "node1", "node4 (bus 1); node4 is connected", CLUSTER,
    ),
    "a slot half-migrated away": (
        _migrating, "cluster.open-slots", "node1", "slot 0 migrating to node2", CLUSTER,
    ),
    "a slot half-migrated in": (
        _importing, "cluster.open-slots", "node2", "slot 0 importing from node1", CLUSTER,
    ),
    "a stranger met": (_stranger, "cluster.members", "node1", "as handshake", CLUSTER),
    "a node of another cluster": (_another_cluster, "cluster.members", "node1", "another c", HASTY),
    "an id without an address": (
        _new_id, "cluster.members", "node1", "sees id ", CLUSTER,
    ),
    "a forgotten node": (_forgotten, "cluster.members", "node1", "node6 is missing", CLUSTER),
    "a replica of another shard": (
        _replica_moved, "replication.shape", "shard 1", "node1 has 0 of 1", CLUSTER,
    ),
    "a replica of an outside primary": (
        _outside_primary, "replication.shape", "node3", "not part of this topology", REPLICATION,
    ),
    "a split": (_split, "replication.shape", "topology", "the plan has 1", REPLICATION),
    "a writable replica": (_writable, "replication.read-only", "node3", "writes", REPLICATION),
    "a writable replica in a cluster": (
        _writable, "replication.read-only", "node6", "accepts writes", CLUSTER,
    ),
    "a killed replica": (_killed, "node.alive", "node4", "isn't running", CLUSTER),
    "a frozen replica": (_frozen, "node.alive", "node4", "is paused (SIGSTOP)", CLUSTER),
    "a replica that must not fail over": (
        _no_failover, "failover.ready", "shard 1", "cluster-replica-no-failover", CLUSTER,
    ),
    "a whole shard dead": (_shard_dead, "cluster.state", "node2", "cluster_state:fail", HASTY),
}  # fmt: skip
"""How it is made; the finding that must name it: check, subject, part of the evidence; shape."""


@pytest.mark.fault(
    "a topology is broken by hand: slots lost, assigned twice or half-migrated, stale epochs, "
    "chained replicas, unknown members, forgotten nodes, one-way links, changed passwords and "
    "settings",
    "`verify` reports each one with its check and its node, and what to do (exit 3)",
)
@pytest.mark.parametrize("name", spread(list(CORPUS), 9))
def test_a_broken_topology_is_named(project: Project, projects: Projects, name: str) -> None:
    make, check, about, says, words = CORPUS[name]
    project.init(*words, engine=ENGINE.path)
    project.up()
    make(project, projects)
    done = project.run("verify", "--json", "--timeout", "1s", check=3)
    failed = [one for one in done.json["result"]["findings"] if one["status"] == "fail"]
    named = {(one["check"], one["subject"]): one["evidence"] for one in failed}
    assert says in named.get((check, about), ""), named
    assert all(one["hint"] and one["evidence"] for one in failed)
    assert project.password not in done.out + done.err
