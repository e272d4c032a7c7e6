"""Data and secrets of a topology over three hosts that are reached by SSH."""

import pytest
from hosts.lab import BASE
from redis.cluster import RedisCluster
from support.forms import FULL
from support.on_hosts import OnHosts
from support.waiting import until

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")


def _texts(over_hosts: OnHosts) -> dict[str, str]:
    """All files of the topology on all hosts."""
    roots = [(one.name, one.path(BASE / over_hosts.name)) for one in over_hosts.lab.hosts.values()]
    paths = [(name, one) for name, root in roots for one in root.rglob("*") if one.is_file()]
    return {f"{name}:{one.name}": one.read_text(errors="replace") for name, one in paths}


def _keys(over_hosts: OnHosts) -> int:
    """The keys of all nodes: each is on two."""
    found = 0
    for address in over_hosts.addresses():
        with over_hosts.client(address) as node:
            found += node.dbsize()
    return found


def test_passwords_and_data_of_a_cluster(over_hosts: OnHosts) -> None:
    project = over_hosts.project
    over_hosts.init('shape = "cluster"', "shards = 3", "replicas = 1", "node_timeout = 2000")
    project.run("up", check=0, seconds=200)
    before = project.password
    project.run("secret", "rotate", check=0, seconds=200)
    assert not [name for name, text in _texts(over_hosts).items() if before in text]
    host, port = over_hosts.addresses()[0]
    with RedisCluster(host=host, port=port, password=project.password) as cluster:
        for n in range(300):
            cluster.set(f"key{n}", "1")
    until(lambda: _keys(over_hosts) == 600)
    project.run("snapshot", "one", "--pause", check=0, seconds=200)
    with RedisCluster(host=host, port=port, password=project.password) as cluster:
        cluster.flushall(target_nodes=RedisCluster.PRIMARIES)
    until(lambda: _keys(over_hosts) == 0)
    project.run("restore", "one", "--force", check=0, seconds=300)
    until(lambda: _keys(over_hosts) == 600)
    assert over_hosts.faults() == []
    assert not [name for name in _texts(over_hosts) if "before-restore" in name]
    project.run("verify", check=0)
    assert "node6" in project.run("down", "--dry-run", check=0).out
    project.run("down", "--wipe", "--yes", check=0, seconds=200)
    assert over_hosts.servers() == []
    assert not _texts(over_hosts)
