"""Primaries without slots, and nodes removed by redis-cli: named at once, or taken back."""

import re
import shlex
import time
from contextlib import suppress
from typing import Any

import pytest
import redis
from support.engines import ATOMIC, INSTALLED
from support.findings import found_in
from support.forms import FULL
from support.project import Project
from support.waiting import until

from redistopo.model.protocol.engine import Product, Version

KEYS = 40


def _cli(project: Project, node: int, *words: object) -> Any:
    with project.client(project.port + node - 1) as client:
        return client.execute_command(*words)


def _emptied(project: Project) -> None:
    """A cluster with keys, whose node1 gave all its slots to node2: it is its replica now."""
    project.init("cluster", "--formation", "instant", engine=ATOMIC.path)
    project.up()
    with project.client(project.port + 2) as node:
        for n in range(KEYS):
            node.set(f"{{{_tag(node)}}}:{n}", n)
    new = _cli(project, 2, "CLUSTER", "MYID")
    _cli(project, 2, "CLUSTER", "BUMPEPOCH")
    # it becomes a replica by its last slot, about which node2 tells it
    _cli(project, 1, "CONFIG", "SET", "cluster-allow-replica-migration", "no")
    for port in project.ports[1::-1]:
        with project.client(port) as node, node.pipeline(transaction=False) as batch:
            for slot in range(5460):
                batch.execute_command("CLUSTER", "SETSLOT", slot, "NODE", new)
            batch.execute()
    _cli(project, 1, "CONFIG", "SET", "cluster-allow-replica-migration", "yes")
    _cli(project, 2, "CLUSTER", "SETSLOT", 5460, "NODE", new)
    until(lambda: _cli(project, 1, "ROLE")[0] == "slave", what="node1 follows node2")
    until(lambda: all(_owners(project, node) == 2 for node in range(1, 7)), what="all agree")
    mine = _cli(project, 1, "CLUSTER", "MYID")
    until(lambda: all(_follows(project, node) != mine for node in range(1, 7)), what="no replica")


def _tag(node: Any) -> str:
    """A hash tag in a slot of the third shard."""
    tags = (f"t{n}" for n in range(1000))
    return next(one for one in tags if node.execute_command("CLUSTER", "KEYSLOT", one) > 10923)


def _lines(project: Project, node: int) -> list[list[str]]:
    return [one.split() for one in str(_cli(project, node, "CLUSTER", "NODES")).splitlines()]


def _follows(project: Project, node: int) -> str:
    """The id of the primary that a replica follows; - for a primary."""
    return next(line[3] for line in _lines(project, node) if "myself" in line[2])


def _known(project: Project) -> set[int]:
    """How many nodes each node knows."""
    return {len(_lines(project, node)) for node in range(1, 7)}


def _owners(project: Project, node: int) -> int:
    """How many nodes own slots, according to that node."""
    return sum(len(line) > 8 for line in _lines(project, node))


def _slots(project: Project, node: int) -> tuple[tuple[str, ...], ...]:
    """Who owns what, according to that node: redis-cli moves nothing while views differ."""
    return tuple(sorted((line[0], *line[8:]) for line in _lines(project, node) if line[8:]))


def _whole(project: Project) -> None:
    """Three primaries share all slots, as all nodes know, and all keys are there."""
    until(lambda: project.faults() == [])
    assert all(_owners(project, node) == 3 for node in range(1, 7))
    primaries = [node for node in range(1, 7) if _cli(project, node, "ROLE")[0] == "master"]
    assert sum(_cli(project, node, "DBSIZE") for node in primaries) == KEYS


def test_an_emptied_primary_is_told_at_once_with_commands_that_give_it_slots_again(
    project: Project,
) -> None:
    _emptied(project)
    project.run("down", check=0)
    done = project.run("up", seconds=30)  # it needs no 60 s to say so
    left = 6  # each node once
    while refused := re.search(r"its nodes.conf is damaged[\s\S]* (up --rebuild node\d)", done.err):
        # Valkey refuses the shard ids that it wrote itself, until 8.0.6 and 8.1.4 (valkey#2171)
        assert ATOMIC.product is Product.VALKEY
        assert ATOMIC.version < Version(8, 1, 4)
        assert left, done
        left -= 1
        done = project.run(*refused[1].split(), "--yes", seconds=30)
    assert done.code == 3, done
    assert len(project.servers()) == 6
    (found,) = found_in(project.run("verify", "--json", check=3), "replication.shape", "fail")
    assert f"Next: {found['hint']}" in done.err
    reset, again = found["hint"].removeprefix("slots were moved: ").split(", then ")
    project.run(*shlex.split(reset)[1:], "--yes", check=0)
    project.run(*shlex.split(again)[1:], check=0)
    _whole(project)


@pytest.mark.skipif(not FULL, reason="the replica below takes the same way")
def test_a_primary_removed_by_del_node_is_taken_back_by_the_next_up(project: Project) -> None:
    _emptied(project)
    mine = _cli(project, 1, "CLUSTER", "MYID")
    for node in range(2, 7):
        _cli(project, node, "CLUSTER", "FORGET", mine)
    _cli(project, 1, "CLUSTER", "RESET", "SOFT")
    project.run("down", check=0)
    project.up()
    _whole(project)


QUIET = [name for name, one in INSTALLED.items() if not one.passes_on_forgotten_nodes][:1]
TELLING = [name for name, one in INSTALLED.items() if one.passes_on_forgotten_nodes]


@pytest.mark.parametrize("name", list(INSTALLED) if FULL else QUIET)
def test_a_replica_that_the_others_were_made_to_forget_is_taken_back(
    project: Project, name: str
) -> None:
    project.init("cluster", "--formation", "instant", engine=INSTALLED[name].path)
    project.up()
    mine = _cli(project, 5, "CLUSTER", "MYID")
    others = (1, 2, 3, 4, 6)
    for node in others:
        with suppress(redis.ResponseError):  # since Redis 7.2, the first one tells the others
            _cli(project, node, "CLUSTER", "FORGET", mine)
    forgotten = time.monotonic()
    until(lambda: {len(_lines(project, node)) for node in others} == {5})
    project.run("up", "--timeout", "100s", check=0, seconds=120)
    assert _known(project) == {6}
    if name in TELLING:  # for 60 s nodes tell each other to forget it
        told_until = forgotten + 65
        until(lambda: time.monotonic() > told_until or _known(project) != {6}, 80)
        assert _known(project) == {6}
    assert _cli(project, 5, "ROLE")[0] == "slave"
