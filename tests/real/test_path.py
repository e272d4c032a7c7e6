"""The whole path, init to down, on every engine and in every size; judged from outside."""

import socket
from collections.abc import Callable

import pytest
from redis import RedisCluster
from support.engines import BUNDLED, ENGINES
from support.forms import FULL, spread
from support.judge import faults, roles
from support.project import Project

KINDS = {
    "instant": ("cluster", "--formation", "instant"),
    "redis-cli": ("cluster", "--formation", "redis-cli"),
    "replication": ("replication",),
    "standalone": ("standalone",),
}


PAIRS = [(engine, kind) for engine in ENGINES for kind in KINDS]
SIZES = [(shards, replicas) for shards in (1, 2, 3, 5) for replicas in (0, 1, 2)]


# of 5 x 4 pairs every third: each engine and each kind is among them
@pytest.mark.parametrize(("engine", "kind"), PAIRS if FULL else PAIRS[::3])
def test_four_commands_on_every_engine(project: Project, engine: str, kind: str) -> None:
    project.init(*KINDS[kind], engine=ENGINES[engine].path)
    project.up()
    # up has returned, so it must be so at once, not soon
    assert project.faults(cluster=KINDS[kind][0] == "cluster") == []
    assert project.run("verify").code == 0
    project.run("down", check=0)
    assert project.servers() == []
    assert (project.folder(1) / "redis.conf").exists()
    project.run("down", "--wipe", "--yes", check=0)
    assert sorted(path.name for path in project.root.iterdir()) == ["redistopo.toml"]


@pytest.mark.parametrize(("shards", "replicas"), spread(SIZES, 3))
def test_instant_formation_in_every_size(project: Project, shards: int, replicas: int) -> None:
    project.init(
        "cluster", "--shards", str(shards), "--replicas", str(replicas), "--formation", "instant",
        engine=BUNDLED.path,
    )  # fmt: skip
    project.up()
    assert project.faults() == []
    with RedisCluster("127.0.0.1", project.port, password=project.password) as client:
        for number in range(100):
            client.set(f"key:{number}", number)
        assert [int(client.get(f"key:{number}")) for number in range(100)] == list(range(100))
    by_word = list(roles(project.ports, project.password).values())
    assert (by_word.count("master"), by_word.count("slave")) == (shards, shards * replicas)
    assert project.run("verify").code == 0


@pytest.mark.parametrize("engine", spread([one for one in ENGINES if "redis" in one], 1))
def test_second_replicas_announce_their_new_primary_in_time(project: Project, engine: str) -> None:
    """Only their own pings do, which are few on Redis: this took more than 40 s."""
    words = ("--shards", "10", "--replicas", "2", "--formation", "instant")
    project.init("cluster", *words, engine=ENGINES[engine].path)
    project.run("up", "--timeout", "25", check=0)
    assert project.faults() == []


@pytest.mark.parametrize(("shards", "replicas"), spread(SIZES[6:], 2))
def test_formation_by_redis_cli_in_every_size(project: Project, shards: int, replicas: int) -> None:
    project.init(
        "cluster", "--shards", str(shards), "--replicas", str(replicas), "--formation", "redis-cli",
        engine=BUNDLED.path,
    )  # fmt: skip
    project.up()
    assert project.faults() == []
    assert project.run("verify").code == 0


@pytest.mark.parametrize("engine", spread(list(ENGINES), 2))
def test_all_nodes_have_one_view_of_the_shards(project: Project, engine: str) -> None:
    """CLUSTER SHARDS, where it is known (Redis 7.0 on), names the same shard ids everywhere."""
    if "6.2" in engine:
        return
    project.init("cluster", "--formation", "instant", engine=ENGINES[engine].path)
    project.up()
    views = set()
    for port in project.ports:
        with project.client(port) as client:
            shards = client.execute_command("CLUSTER SHARDS")
            views.add(frozenset(frozenset(_ids(shard)) for shard in shards))
    assert len(views) == 1


def _ids(shard: object) -> list[str]:
    """The node ids in one entry of CLUSTER SHARDS, whatever shape redis-py gives it."""
    text = str(shard)
    return [word for word in text.replace("'", " ").split() if len(word) == 40]


def test_a_cluster_on_another_loopback_address(project: Project) -> None:
    project.init("cluster", "--host", "127.0.0.3", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    assert project.run("verify").code == 0
    # RFC 1122 gives all of 127/8 to loopback, but these servers bind only the one
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", project.port), timeout=1)


def test_without_password(project: Project) -> None:
    project.init("cluster", "--no-auth", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    assert not (project.root / ".redistopo" / "password").exists()
    assert project.faults() == []
    assert project.run("verify").code == 0


@pytest.mark.parametrize("persistence", ["aof", "rdb", "none"])
def test_what_survives_down_and_up(project: Project, persistence: str) -> None:
    project.init("replication", "--persistence", persistence, engine=BUNDLED.path)
    project.up()
    with project.client() as client:
        client.set("kept", "yes")
    project.run("down", check=0)
    project.up()
    with project.client() as client:
        assert client.get("kept") == (None if persistence == "none" else "yes")


def test_a_password_with_every_printable_character(project: Project) -> None:
    secret = "".join(chr(code) for code in range(32, 127)) + "é漢"
    project.env["REDISTOPO_PASSWORD"] = secret
    project.init("cluster", "--formation", "redis-cli", engine=BUNDLED.path)
    project.up()
    assert faults(project.ports, secret, cluster=True) == []
    assert project.run("verify").code == 0


@pytest.mark.fault(
    "the path contains spaces, quotes and non-ASCII characters",
    "everything works there",
)
def test_a_folder_with_spaces_quotes_and_unicode(projects: Callable[[str], Project]) -> None:
    project = projects('my "own" folder\'s été')
    project.init("cluster", "--formation", "redis-cli", engine=BUNDLED.path)
    project.up()
    assert project.faults() == []
    assert project.run("verify").code == 0
