"""Verbs that add, remove and replace nodes, on the hosts of a lab."""

from contextlib import suppress

import pytest
from hosts.lab import BASE
from redis.exceptions import ResponseError
from support.forms import FULL
from support.on_hosts import OnHosts

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_CLUSTER = ('shape = "cluster"', "shards = 3", "replicas = 1", "node_timeout = 2000")


def test_a_cluster_grows_and_shrinks(over_hosts: OnHosts) -> None:
    project = over_hosts.project
    over_hosts.init(*_CLUSTER)
    project.up()
    with over_hosts.client(over_hosts.addresses()[0]) as node:
        for number in range(300):
            with suppress(ResponseError):  # MOVED
                node.set(f"key{number}", "x" * 9999)
    host = over_hosts.lab["h2"]
    fill = f"dd if=/dev/zero of={BASE}/filler bs=64k; truncate -s -256k {BASE}/filler"
    host.run("sh", "-c", fill)
    refused = project.run("scale", "--replicas", "2", check=4)
    assert f"host h2 ({host.address}) has too little disk for 1 more node" in refused.err
    refused = project.run("move-slots", "0-99", "--to", "node2", check=4)
    assert f"host h2 ({host.address}) has too little disk: nothing was moved" in refused.err
    host.path(BASE / "filler").unlink()
    project.run("scale", "--replicas", "2", check=0)
    assert (over_hosts.colocated(), over_hosts.faults()) == ([], [])
    assert len(over_hosts.addresses()) == 9
    project.run("scale", "--shards", "4", check=0)
    assert (over_hosts.colocated(), over_hosts.faults()) == ([], [])
    project.run("move-slots", "0-99", "--to", "node2", check=0)
    project.run("rebalance", check=0)
    project.run("scale", "--shards", "3", check=0)
    project.run("scale", "--replicas", "1", check=0)
    assert (over_hosts.colocated(), over_hosts.faults()) == ([], [])
    assert len(over_hosts.servers()) == 6
    project.run("drill", "grow", "--max-wait", "10s", check=0, seconds=200)
    assert len(over_hosts.servers()) == 6
