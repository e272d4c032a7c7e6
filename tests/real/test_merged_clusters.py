"""Two clusters merged by CLUSTER MEET: what became of the keys is told, and the way back works."""

import re
import shlex
from collections.abc import Callable

import pytest
import redis
from support.engines import ALL, BUNDLED, INSTALLED
from support.findings import found_in
from support.forms import spread
from support.judge import await_written
from support.project import Project
from support.waiting import until

KEYS = 60
BOTH = 12


ENGINES = [
    name
    for name, one in ALL.items()
    if one is BUNDLED or (name in INSTALLED and name.startswith(("redis-6", "valkey-9")))
]
"""Valkey has met members again that it hears nothing of since 8.1; Redis doesn't."""


def _formed(project: Project, keys: str, *words: str, engine: str = BUNDLED.path) -> None:
    project.init("cluster", "--formation", "instant", *words, engine=engine)
    project.up()
    with redis.RedisCluster("127.0.0.1", project.port, password=project.password or None) as all_:
        for n in range(KEYS):
            all_.set(f"{keys}{n}", keys)
    for number in range(1, 7):
        with project.client(project.port + number - 1) as node:
            await_written(node)


def _keys(project: Project) -> set[str]:
    """All keys of the primaries, asked of each of them."""
    found: set[str] = set()
    for port in project.ports:
        with project.client(port) as node:
            if node.execute_command("ROLE")[0] == "master":
                found |= set(node.execute_command("KEYS", "*"))
    return found


def _merge(one: Project, other: Project) -> None:
    """The first cluster keeps two shards, and its third one goes to the other's third primary."""
    for project, numbers in ((one, (1, 2, 1, 2)), (other, (1, 3))):
        for number in numbers:
            with project.client(project.port + number - 1) as node:
                epoch = int(node.execute_command("CLUSTER BUMPEPOCH").split()[-1])
            until(lambda p=project, e=epoch: _epochs(p) == {e}, what=f"all know epoch {epoch}")
    with one.client() as node:
        node.execute_command("CLUSTER MEET", "127.0.0.1", other.port)
    for project in (one, other):
        for port in project.ports:
            until(lambda p=project, at=port: _members(p, at) == BOTH, what=f"{port} knows all")
    until(lambda: _led_by(one, 3) == other.port + 2, what="the third shard changes its cluster")
    until(lambda: _led_by(other, 1) == one.port and _led_by(other, 2) == one.port + 1)


def _epochs(project: Project) -> set[int]:
    found = set()
    for port in project.ports:
        with project.client(port) as node:
            text = str(node.execute_command("CLUSTER INFO"))
            found.add(int(re.findall(r"cluster_current_epoch\D+(\d+)", text)[0]))
    return found


def _members(project: Project, port: int) -> int:
    with project.client(port) as node:
        return len(node.execute_command("CLUSTER NODES"))


def _led_by(project: Project, number: int) -> int:
    with project.client(project.port + number - 1) as node:
        role = node.execute_command("ROLE")
        return int(role[2]) if role[0] == "slave" else 0


@pytest.mark.fault(
    "CLUSTER MEET merges two clusters with different passwords",
    "`up` names at once the way to separate them; typed, also while the other cluster runs, each "
    "has all of its keys again, and they stay apart",
)
@pytest.mark.parametrize("engine", spread(list(ENGINES), 1))
def test_merged_clusters_are_separated_by_what_up_names_and_neither_loses_a_key(
    projects: Callable[[str], Project], engine: str
) -> None:
    one, other = projects("one"), projects("other")
    for project, keys in ((one, "a"), (other, "b")):
        _formed(project, keys, engine=ALL[engine].path)
    before = {id(project): _keys(project) for project in (one, other)}
    assert [len(found) for found in before.values()] == [KEYS, KEYS]
    _merge(one, other)
    for project in (one, other):
        told = project.run("up", "--json", check=3, seconds=30).json["error"]
        assert "so it still has its own" in told["detail"]
        found = found_in(project.run("verify", "--json", check=3), "cluster.slots", "fail")
        assert not re.search("reshard|REPLICATE|FORGET|RESET", "".join(x["hint"] for x in found))
    for project in (one, other):  # the first one while the other runs, and this then beside it
        told = project.run("up", "--json", seconds=30).json["error"]
        words = re.search(r"redistopo down, then: redistopo (up [^;]*)", told["hint"])
        assert words, told
        project.run("down", check=0)
        project.run(*shlex.split(words[1]), "--yes", check=0)
        _until_given_up(project, other)
    for project in (one, other):
        assert project.faults() == []
        assert _keys(project) == before[id(project)]
        assert {_members(project, port) for port in project.ports} == {6}


def _until_given_up(separated: Project, other: Project) -> None:
    """No node of the other cluster has the address of a separated one in its table any more, nor
    does it come back for longer than it takes a node to be met again, which is a node timeout."""
    if separated is other:
        return

    def left() -> set[int]:
        found = set()
        for port in other.ports:
            with other.client(port) as node:
                text = str(node.execute_command("CLUSTER NODES"))
                found |= {at for at in separated.ports if f":{at}'" in text}
        return found

    until(lambda: not left(), what="the other cluster gives up the separated nodes")


@pytest.mark.fault(
    "CLUSTER MEET merges two clusters without passwords",
    "`verify` says whose keys a sync replaced, and nothing it names loses any of the others",
)
def test_what_a_sync_in_merged_clusters_replaced_is_told(
    projects: Callable[[str], Project],
) -> None:
    one, other = projects("one"), projects("other")
    for project, keys in ((one, "a"), (other, "b")):
        _formed(project, keys, "--no-auth")
    before = _keys(one) | _keys(other)
    _merge(one, other)
    with one.client(one.port + 2) as node:
        until(lambda: node.info("replication")["master_link_status"] == "up")
    found = found_in(one.run("verify", "--json", check=3), "replication.shape", "fail")
    (told,) = [each for each in found if each["subject"] == "node3"]
    assert "its sync replaced the keys that it had" in told["evidence"]
    kept = _keys(one) | _keys(other)
    assert kept < before
    for project in (one, other):
        project.run("down", check=0)
    words = re.search(r"redistopo (up .*)", told["hint"])
    assert words
    one.run(*shlex.split(words[1]), "--yes", check=0)
    other.run("up", "--primary", "node1", "--primary", "node2", "--yes", check=0)
    assert [*one.faults(), *other.faults()] == []
    assert _keys(one) | _keys(other) >= kept
