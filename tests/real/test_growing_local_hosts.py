"""Verbs that add, remove and move over several hosts that are all this machine: no host gets two
nodes of a shard, and no key is lost. Judged by redis-py and by the kernel."""

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
from support.engines import INSTALLED
from support.forms import FULL
from support.local_hosts import LocalHosts
from support.project import Project
from support.waiting import until

whole = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-full")
_CLUSTER = ('shape = "cluster"', "node_timeout = 2000", "shards = 3")
_NEWER = next((one for one in INSTALLED.values() if one.name.startswith("redis 8.")), None)


@pytest.fixture
def hosts(project: Project, tmp_path: Path) -> Iterator[LocalHosts]:
    made = LocalHosts(project, tmp_path / "base")
    yield made
    made.cleanup()


def _up(hosts: LocalHosts) -> None:
    """The topology is up: each run of Ansible takes seconds on a machine that is busy."""
    hosts.project.run("up", "--timeout", "200s", check=0, seconds=240)


def _fill(hosts: LocalHosts, count: int = 300) -> None:
    with redis.RedisCluster(
        host="127.0.0.2", port=hosts.project.port, password=hosts.project.password
    ) as client:
        for number in range(count):
            client.set(f"key:{number}", number)


def _keys(hosts: LocalHosts) -> int:
    """How many keys all primaries have."""
    count = 0
    for at, told in hosts.nodes().items():
        if told["role"] == "master":
            with hosts.client(at) as node:
                count += node.dbsize()
    return count


def test_replicas_are_added_where_their_shard_has_no_node(hosts: LocalHosts) -> None:
    hosts.init(3, *_CLUSTER, "replicas = 0")
    _up(hosts)
    refused = hosts.project.run("scale", "--replicas", "3", check=2)
    assert "3 shards x 3 replicas need 4 hosts, 3 are there; nothing was changed" in refused.err
    _fill(hosts)
    hosts.project.run("scale", "--replicas", "1", check=0)
    assert [len(some) for some in hosts.shards().values()] == [2, 2, 2]
    assert hosts.colocated() == []
    assert Counter(at[0] for at in hosts.nodes()) == dict.fromkeys(
        ("127.0.0.2", "127.0.0.3", "127.0.0.4"), 2
    )
    assert hosts.faults() == []
    assert _keys(hosts) == 300


@whole
def test_two_hosts_are_added_and_a_cluster_grows_and_shrinks(hosts: LocalHosts) -> None:
    hosts.init(3, *_CLUSTER, "replicas = 1")
    _up(hosts)
    _fill(hosts)
    hosts.project.run("scale", "--replicas", "2", check=0)
    assert (hosts.colocated(), len(hosts.nodes())) == ([], 9)
    hosts.add(4)
    hosts.add(5)
    hosts.project.run("scale", "--shards", "5", check=0)
    assert (hosts.colocated(), hosts.faults(), _keys(hosts)) == ([], [], 300)
    counts = Counter(at[0] for at in hosts.nodes())
    assert counts.total() == 15
    # each new shard has one node on each new host, and the third on a former one
    assert (counts["127.0.0.5"], counts["127.0.0.6"]) == (2, 2)
    leads = Counter(at[0] for at in hosts.shards())
    assert max(leads.values()) == 1, leads
    hosts.project.run("scale", "--shards", "3", check=0)
    hosts.project.run("scale", "--replicas", "1", check=0)
    assert (hosts.colocated(), hosts.faults(), _keys(hosts)) == ([], [], 300)
    assert len(hosts.servers()) == 6


@whole
def test_an_edited_file_after_a_stop(hosts: LocalHosts) -> None:
    """New nodes are placed by the shards that the stopped nodes' files have."""
    hosts.init(3, *_CLUSTER, "replicas = 0")
    _up(hosts)
    hosts.project.run("down", check=0)
    path = hosts.project.root / "redistopo.toml"
    path.write_text(path.read_text().replace("replicas = 0", "replicas = 2"))
    _up(hosts)
    assert (hosts.colocated(), hosts.faults(), len(hosts.nodes())) == ([], [], 9)


@whole
def test_replicas_and_sentinels_come_and_go(hosts: LocalHosts) -> None:
    hosts.init(5, 'shape = "sentinel"', "replicas = 1", "sentinels = 3")
    _up(hosts)
    hosts.project.run("scale", "--sentinels", "5", "--replicas", "3", check=0)
    assert (hosts.colocated(), hosts.faults(cluster=False)) == ([], [])
    folders = {pid: name for pid, name in hosts.servers().items() if name.startswith("sentinel")}
    assert len(folders) == 5
    hosts.project.run("verify", check=0)
    hosts.project.run("scale", "--sentinels", "3", "--replicas", "1", check=0)
    assert len(hosts.servers()) == 5
    assert (hosts.colocated(), hosts.faults(cluster=False)) == ([], [])


@whole
def test_slots_move_and_an_interrupted_move_is_finished_or_taken_back(hosts: LocalHosts) -> None:
    project = hosts.project
    hosts.init(3, *_CLUSTER, "replicas = 1")
    _up(hosts)
    _fill(hosts)
    project.run("move-slots", "0-99,500", "--to", "node2", check=0)
    for by in ("slots", "keys", "bytes"):
        project.run("rebalance", "--by", by, check=0)
    assert (hosts.faults(), _keys(hosts)) == ([], 300)
    for way in ("undo", "up"):
        running = project.begin("rebalance", "--weight", "node1=0.1")
        until(lambda: _owned(hosts) < 5000)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
        assert running.returncode == 130, err
        assert 0 < _owned(hosts) < 5000
        project.run(way, check=0)
        assert (_owned(hosts) > 5000) is (way == "undo")
        assert (hosts.faults(), _keys(hosts)) == ([], 300)


def _owned(hosts: LocalHosts) -> int:
    """How many slots node1 owns."""
    with hosts.client(("127.0.0.2", hosts.project.port)) as node:
        shards = node.execute_command("CLUSTER SLOTS")
    mine = ("127.0.0.2", hosts.project.port)
    return sum(last - first + 1 for first, last, lead, *_ in shards if (lead[0], lead[1]) == mine)


@whole
@pytest.mark.skipif(_NEWER is None, reason="no Redis 8 is installed here")
def test_an_upgrade_and_a_host_without_the_engine(hosts: LocalHosts) -> None:
    project = hosts.project
    hosts.init(3, *_CLUSTER, "replicas = 1")
    _up(hosts)
    _fill(hosts)
    refused = project.run("upgrade", "--engine", "/no/redis-server", check=4)
    assert "hosts h1, h2, h3 have no server: /no/redis-server" in refused.err
    assert _NEWER
    words = ("upgrade", "--engine", _NEWER.path)
    assert "hand over node1" in project.run(*words, "--check", check=0).out
    assert "snapshot of before: before-redis-8" in project.run(*words, check=0, seconds=300).out
    for at in hosts.nodes():
        with hosts.client(at) as node:
            assert node.info("server")["redis_version"].startswith("8.")
    assert (hosts.colocated(), hosts.faults(), _keys(hosts)) == ([], [], 300)


@whole
def test_drill_grow_leaves_everything_as_it_was(hosts: LocalHosts) -> None:
    hosts.init(3, *_CLUSTER, "replicas = 1")
    _up(hosts)
    _fill(hosts)
    done = hosts.project.run("drill", "grow", "--max-wait", "10s", "--json", check=0, seconds=200)
    report = done.json["result"]
    assert (report["passed"], report["writes"]["lost"]) == (True, 0)
    assert (len(hosts.servers()), hosts.faults(), _keys(hosts)) == (6, [], 300)
    assert sorted(one.name for one in (hosts.base / "nodes").iterdir()) == [
        f"node{number}" for number in range(1, 7)
    ]


def _lose(hosts: LocalHosts, *nodes: str) -> None:
    """These nodes, and all that they had on disk, are gone."""
    for pid, name in hosts.servers().items():
        if name in nodes:
            psutil.Process(pid).kill()
    for name in nodes:
        shutil.rmtree(hosts.base / "nodes" / name)


def _failing(hosts: LocalHosts, number: int) -> bool:
    """Whether so many nodes are failing, and all slots are served."""
    with hosts.client(("127.0.0.2", hosts.project.port)) as node:
        node.response_callbacks.clear()
        nodes = node.execute_command("CLUSTER NODES")
        told = node.execute_command("CLUSTER INFO")
    lost = [one for one in nodes.splitlines() if ",fail " in one or " fail " in one]
    return len(lost) == number and "cluster_state:ok" in told


@whole
def test_a_lost_host_is_replaced_by_an_empty_one_at_another_address(hosts: LocalHosts) -> None:
    project = hosts.project
    hosts.init(3, *_CLUSTER, "replicas = 1")
    _up(hosts)
    _fill(hosts)
    _lose(hosts, "node2", "node4")
    until(lambda: _failing(hosts, 2), 30, what="the others go on without the host")
    hosts.remove(2)
    hosts.add(2, "127.0.0.9")
    _up(hosts)
    assert (hosts.colocated(), hosts.faults(), _keys(hosts)) == ([], [], 300)
    assert len([at for at in hosts.nodes() if at[0] == "127.0.0.9"]) == 2
    project.run("verify", check=0)


@whole
def test_an_empty_primary_does_not_start_over_the_only_copy(hosts: LocalHosts) -> None:
    project = hosts.project
    hosts.init(3, *_CLUSTER, "replicas = 1")
    _up(hosts)
    _fill(hosts)
    project.run("down", check=0)
    shutil.rmtree(hosts.base / "nodes" / "node2")
    refused = project.run("up", check=2)
    assert "node2 would be primary, but has no data; node5 has" in refused.err
    assert hosts.servers() == {}
    project.run("start", "node5")
    refused = project.run("up", check=2)
    assert "promote node5: redistopo call --node node5 CLUSTER FAILOVER TAKEOVER" in refused.err
    project.run("call", "--node", "node5", "CLUSTER", "FAILOVER", "TAKEOVER", check=0)
    until(lambda: "master" in str(hosts.nodes()), what="node5 is primary")
    project.run("start", "node1", "node3", "node4", "node6")
    until(lambda: _failing(hosts, 1), 30, what="node2 is failing")
    _up(hosts)
    assert (hosts.colocated(), hosts.faults(), _keys(hosts)) == ([], [], 300)


@whole
def test_a_lost_host_with_the_only_copy_is_refused(hosts: LocalHosts) -> None:
    hosts.init(3, *_CLUSTER, "replicas = 0")
    _up(hosts)
    _lose(hosts, "node2")
    refused = hosts.project.run("up", check=1)
    assert "node2 would start as a new node" in refused.err
    hosts.remove(2)
    refused = hosts.project.run("up", check=2)
    assert "node2 is on h2, which is not one of the machines any more" in refused.err
    assert len(hosts.servers()) == 2


@whole
def test_a_host_is_emptied_and_removed(hosts: LocalHosts) -> None:
    project, path = hosts.project, hosts.project.root / "redistopo.toml"
    hosts.init(4, *_CLUSTER, "replicas = 1")
    _up(hosts)
    _fill(hosts)
    text = path.read_text()
    path.write_text(text.replace("[hosts.h3]\n", "[hosts.h3]\ndrain = true\n"))
    project.run("scale", "--replicas", "2", check=0)
    assert "127.0.0.4" not in {host for host, _port in hosts.shards()}
    project.run("scale", "--replicas", "1", check=0)
    assert "127.0.0.4" not in {host for host, _port in hosts.nodes()}
    hosts.remove(3)
    _up(hosts)
    assert (hosts.colocated(), hosts.faults(), _keys(hosts)) == ([], [], 300)
    project.run("verify", check=0)
