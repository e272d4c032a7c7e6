"""The verbs on three hosts, judged by redis-py through the network and by the hosts' kernels."""

import pytest
from support.forms import FULL
from support.on_hosts import OnHosts
from support.waiting import until

whole = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_CLUSTER = ('shape = "cluster"', "shards = 3", "replicas = 1", "node_timeout = 2000")


def test_a_cluster_over_three_hosts(over_hosts: OnHosts) -> None:
    """Up, up again, verify, status and down; no host has two nodes of a shard."""
    project = over_hosts.project
    over_hosts.init(*_CLUSTER)
    project.up()
    assert len(over_hosts.addresses()) == 6
    assert over_hosts.faults() == []
    assert over_hosts.colocated() == []
    before = sorted(over_hosts.servers())
    with over_hosts.lab["h2"].ssh_refused():  # nothing is to do, so that no host is logged in to
        project.up()
    assert sorted(over_hosts.servers()) == before
    project.run("verify", check=0)
    nodes = project.run("status", "--json", check=0).json["result"]["nodes"]
    assert len(nodes) == 6
    project.run("down", check=0)
    assert over_hosts.servers() == []


@whole
def test_a_lost_host_is_named_and_repaired_after_its_return(over_hosts: OnHosts) -> None:
    project, lab = over_hosts.project, over_hosts.lab
    over_hosts.init(*_CLUSTER)
    project.up()
    lab["h3"].crash()
    lost = project.run("verify")
    assert lost.code == 3
    assert "h3" in lost.out + lost.err
    until(lambda: _available(over_hosts), 30, what="the other hosts serve all slots")
    lab.boot(lab["h3"])
    project.up()
    assert len(over_hosts.addresses()) == 6
    assert over_hosts.faults() == []
    project.run("verify", check=0)
    assert _primaries(over_hosts) == 3
    project.run("failover", "node4", check=0)
    assert _primaries(over_hosts) == 2
    assert "placement.majority" in project.run("verify", check=0).out
    project.run("rebalance", "--roles", check=0)
    assert _primaries(over_hosts) == 3
    assert over_hosts.faults() == []


def _primaries(over_hosts: OnHosts) -> int:
    """The number of hosts with a primary."""
    found = set()
    for host, port in over_hosts.addresses():
        with over_hosts.client((host, port)) as node:
            found |= {host} if node.info("replication")["role"] == "master" else set()
    return len(found)


def _available(over_hosts: OnHosts) -> bool:
    for address in over_hosts.addresses():
        with over_hosts.client(address) as node:
            if node.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
                return False
    return True


@whole
def test_sentinels_over_three_hosts(over_hosts: OnHosts) -> None:
    project = over_hosts.project
    over_hosts.init('shape = "sentinel"', "replicas = 2", "sentinels = 3")
    project.up()
    assert len(over_hosts.addresses()) == 3
    assert len({host for host, _ in over_hosts.addresses()}) == 3
    assert len({host for host, _ in over_hosts.sentinels()}) == 3
    assert over_hosts.faults(cluster=False) == []
    project.run("verify", check=0)
    project.run("down", check=0)
    assert over_hosts.servers() == []
