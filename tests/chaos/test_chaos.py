"""Rounds of chaos: no key that all copies had is lost, nobody else's server is touched, and what
`up` says is to be typed heals. TESTS_FULL=1 runs 200 rounds, otherwise 6."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.cluster import RedisCluster
from support.byhand import ByHand, listening
from support.chaos import Chaos, Writer
from support.engines import BUNDLED
from support.forms import FULL
from support.judge import client
from support.project import Project
from support.remedies import up_by_remedies

SHAPES = {
    "cluster": ("--node-timeout", "2000"),
    "replication": (),
    "sentinel": (),
}
COPIES = {"cluster": 1, "replication": 2, "sentinel": 2}
ROUNDS = [(seed, list(SHAPES)[seed % 3]) for seed in range(200)]


@pytest.fixture
def decoy(project: Project, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Somebody else's server beside ours, with a key: its port and pid."""
    (tmp_path / "decoy").mkdir()
    made = ByHand(tmp_path / "decoy")
    port = project.port + 18
    pid = made.start(port)
    listening(port)
    with client(port, "") as node:
        node.set("mine", "untouched")
    yield port, pid
    made.close()


def _kept(project: Project, keys: list[str], shape: str) -> list[str]:
    """Which of these keys are gone."""
    if shape == "cluster":
        with RedisCluster(
            host="127.0.0.1", port=project.port, password=project.password
        ) as cluster:
            return [key for key in keys if not cluster.exists(key)]
    for port in project.ports:
        with project.client(port) as node:
            if node.info("replication")["role"] == "master":
                return [key for key in keys if not node.exists(key)]
    raise AssertionError("no primary")


@pytest.mark.fault(
    "rounds of chaos: commands killed at random moments and run two at once, servers killed and "
    "frozen, a replica's log cut, raw commands, a writer, and somebody else's server beside",
    "no key is lost that a primary and all its replicas had, what `up` says is to be typed heals, "
    "and the other server is untouched",
)
@pytest.mark.parametrize(
    "case", ROUNDS if FULL else ROUNDS[:6], ids=lambda one: f"{one[1]}-{one[0]}"
)
def test_a_round(
    project: Project,
    decoy: tuple[int, int],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    case: tuple[int, str],
) -> None:
    seed, shape = case
    project.init(shape, *SHAPES[shape], engine=BUNDLED.path)
    project.up()
    chaos = Chaos(project, seed)
    writer = Writer(project, tmp_path / "log", COPIES[shape], clustered=shape == "cluster")
    writer.start()
    try:
        for _ in range(4):
            chaos.act()
    finally:
        writer.finish()
    hints = up_by_remedies(project, most=5)
    told = (chaos.done, hints)
    record_property("actions", len(chaos.done))
    record_property("acknowledged", len(writer.acknowledged))
    record_property("remedies", len(hints))
    assert _kept(project, writer.acknowledged, shape) == [], told
    assert project.run("verify", "--timeout", "20s").code == 0, told
    assert len(project.servers()) == project.size + project.sentinels, told
    port, pid = decoy
    with client(port, "") as node:
        assert (node.get("mine"), int(node.info("server")["process_id"])) == ("untouched", pid)
