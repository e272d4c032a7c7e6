"""`drill host`: every node of a host fails at once, under load."""

import pytest
from hosts.lab import BASE
from support.forms import FULL
from support.on_hosts import OnHosts
from support.output_schema import document

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_a_lost_host_is_survived_and_repaired(over_hosts: OnHosts, fault: str) -> None:
    project = over_hosts.project
    over_hosts.init('shape = "cluster"', "shards = 3", "replicas = 1", "node_timeout = 2000")
    project.up()
    before = {one.pid for one in over_hosts.lab["h2"].processes("redis-server", "valkey-server")}
    shown = project.run("drill", "host", "h2", "--dry-run", check=0)
    assert "survives" in shown.out
    done = project.run("drill", "host", "h2", "--fault", fault, "--yes", "--json", seconds=200)
    assert done.code == 0, done
    report = document(done.out)["result"]
    assert report["passed"], report
    assert report["writes"]["lost"] == 0, report
    # `up` has spread the primaries again: only the logs have the election
    logs = [
        path.read_text()
        for host in ("h1", "h3")
        for path in over_hosts.lab[host].path(f"{BASE}/demo/nodes").glob("*/redis.log")
    ]
    assert any("Failover election won" in one for one in logs), report
    assert len(over_hosts.addresses()) == 6
    assert over_hosts.faults() == []
    after = {one.pid for one in over_hosts.lab["h2"].processes("redis-server", "valkey-server")}
    assert after.isdisjoint(before) if fault == "kill" else after == before


def test_an_unknown_host_is_refused(over_hosts: OnHosts) -> None:
    over_hosts.init('shape = "replication"', "replicas = 2")
    over_hosts.project.up()
    done = over_hosts.project.run("drill", "host", "h9")
    assert done.code == 2, done
    assert "name one of h1, h2, h3" in done.err
    done = over_hosts.project.run("drill", "host", "h1", "--yes")
    assert done.code == 2, done
    assert "no automatic failover" in done.err
    assert over_hosts.faults(cluster=False) == []
