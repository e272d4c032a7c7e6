"""Each test starts from the same state: what a test can do to a cluster, judged by redis-py."""

import re
from collections.abc import Iterator

import pytest
from support.baselines import Break, Tried, changes, healed_after, tried
from support.engines import ENGINES
from support.forms import spread
from support.waiting import until


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    folder = tmp_path_factory.mktemp("cluster")
    words = ("--shards", "3", "--replicas", "1", "--formation", "instant", "--persistence", "none")
    with tried(folder, "cluster", *words) as made:
        yield made


@pytest.fixture
def one(shared: Tried) -> Iterator[Tried]:
    yield shared
    shared.end_test()


def _id(made: Tried, node: int) -> str:
    return str(made.ask(node, "CLUSTER", "MYID"))


def _open_slot(made: Tried) -> None:
    made.ask(2, "CLUSTER", "SETSLOT", 0, "IMPORTING", _id(made, 1))
    made.ask(1, "CLUSTER", "SETSLOT", 0, "MIGRATING", _id(made, 2))


def _move_slots(made: Tried) -> None:
    """As a resharding does: the new owner first, in a new epoch."""
    for node in (2, 1, 3):
        for slot in range(5):
            made.ask(node, "FLUSHALL")
            made.ask(node, "CLUSTER", "SETSLOT", slot, "NODE", _id(made, 2))
    made.ask(2, "CLUSTER", "BUMPEPOCH")


def _reset(made: Tried, *nodes: int, how: str) -> None:
    for node in nodes:
        if made.ask(node, "ROLE")[0] == "master":
            made.ask(node, "FLUSHALL")
        made.ask(node, "CLUSTER", "RESET", how)


def _failed_over(made: Tried) -> None:
    """The replica was elected before the test ended."""
    made.ask(4, "CLUSTER", "FAILOVER", "TAKEOVER")
    until(lambda: made.ask(1, "ROLE")[0] == "slave")


DAMAGE: dict[str, tuple[Break, str]] = {
    "data": (lambda made: None, r"^$"),
    "settings": (
        lambda made: made.ask(5, "CONFIG", "SET", "cluster-node-timeout", 999),
        'node5: CONFIG cluster-node-timeout was "999"',
    ),
    "a killed primary": (lambda made: made.topology.kill("node1"), "node1 didn't run"),
    "a killed shard": (lambda made: made.topology.kill("node1", "node4"), "node1, node4 didn't"),
    "a paused primary": (lambda made: made.topology.pause("node2"), "node2 was paused: resumed"),
    "a failover": (_failed_over, "node1: it was a replica: is primary again"),
    "a replica of another shard": (
        lambda made: made.ask(4, "CLUSTER", "REPLICATE", _id(made, 2)),
        "node4: it replicated node2: replicates node1 again",
    ),
    "an open slot": (_open_slot, "(?s)node1: slot 0 was open: closed.*node2: slot 0 was open"),
    "moved slots": (_move_slots, "node1: 5 slots were another node's, or no node's: given back"),
    "a slot of no node": (
        lambda made: made.ask(3, "CLUSTER", "DELSLOTS", 16383),
        "node3: slot 16383 was another node's, or no node's: given back",
    ),
    "a forgotten node": (
        lambda made: made.ask(1, "CLUSTER", "FORGET", _id(made, 2)),
        "node1, node3, node4, node5, node6 could not be used .node1 forgot node2",
    ),
    "a reset replica": (
        lambda made: _reset(made, 4, how="HARD"),
        "didn't know all nodes: brought up again",
    ),
    "a reset primary": (
        lambda made: _reset(made, 1, how="SOFT"),
        "didn't know all nodes: brought up again",
    ),
    "a reset cluster": (
        lambda made: _reset(made, 1, 2, 3, 4, 5, 6, how="HARD"),
        "didn't know all nodes: brought up again",
    ),
}


@pytest.mark.parametrize("name", spread(list(DAMAGE), 7))
def test_the_next_test_starts_as_the_first_one_did(one: Tried, name: str) -> None:
    damage, expected = DAMAGE[name]
    assert re.search(expected, healed_after(one, damage))


@pytest.mark.parametrize("name", spread(list(ENGINES), 1))
def test_a_cluster_of_every_engine(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("one")
    words = ("--shards", "3", "--replicas", "0", "--formation", "instant")
    with tried(folder, "cluster", *words, engine=ENGINES[name].path) as made:
        before = made.seen()
        made.write()
        _open_slot(made)
        made.ask(3, "CONFIG", "SET", "maxmemory", "9mb")
        assert len(made.restore()) == 3
        made.write()
        made.topology.kill("node2")
        assert re.search("node2 didn't run", "\n".join(made.restore()))
        assert changes(before, made.seen()) == []
