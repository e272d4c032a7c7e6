"""Each test starts from the same state: what a test can do with Sentinels, judged by redis-py."""

import re
from collections.abc import Iterator

import pytest
from support.baselines import Break, Tried, healed_after, tried
from support.forms import spread
from support.waiting import until


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    folder = tmp_path_factory.mktemp("sentinel")
    words = ("--replicas", "1", "--sentinels", "3", "--persistence", "none", "--name", "mymaster")
    with tried(folder, "sentinel", *words) as made:
        yield made


@pytest.fixture
def one(shared: Tried) -> Iterator[Tried]:
    yield shared
    shared.end_test()


def _subscribe(made: Tried) -> None:
    listening = made.project.sentinel().pubsub()
    listening.subscribe("+switch-master")
    made.kept.append(listening)


def _failover_by_sentinels(made: Tried) -> None:
    made.sentinel("SENTINEL", "FAILOVER", "mymaster")
    second = str(made.project.port + 1)
    named = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
    until(lambda: made.sentinel(*named)[1] == second)


DAMAGE: dict[str, tuple[Break, str]] = {
    "data": (lambda made: None, r"^$"),
    "settings": (
        lambda made: made.sentinel("SENTINEL", "SET", "mymaster", "down-after-milliseconds", 99999),
        'sentinel1: down-after-milliseconds of mymaster was "99999"',
    ),
    "another primary": (
        lambda made: made.sentinel(
            "SENTINEL", "MONITOR", "other", "127.0.0.1", made.project.port, 2, number=2
        ),
        "sentinel2: it monitored other: removed",
    ),
    "no primary": (
        lambda made: made.sentinel("SENTINEL", "REMOVE", "mymaster"),
        "sentinel1 didn't know all nodes: brought up again",
    ),
    "a subscription": (_subscribe, "sentinel1: a connection of .* was left subscribed: closed"),
    "a paused Sentinel": (lambda made: made.topology.pause("sentinel3"), "sentinel3 was paused"),
    "a killed Sentinel": (lambda made: made.topology.kill("sentinel3"), "sentinel3 didn't run"),
    "a killed primary": (lambda made: made.topology.kill("node1"), "node1 didn't run"),
    "a failover": (_failover_by_sentinels, "node1.* is primary again"),
    "a planned failover": (lambda made: made.topology.failover("node2"), "node1.* is primary"),
}


@pytest.mark.parametrize("name", spread(list(DAMAGE), 5))
def test_the_next_test_starts_as_the_first_one_did(one: Tried, name: str) -> None:
    damage, expected = DAMAGE[name]
    assert re.search(expected, healed_after(one, damage))
