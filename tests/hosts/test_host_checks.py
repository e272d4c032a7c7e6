"""Checks on hosts, with faults that are real: a clock, a firewall."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hosts.lab import Host, clock
from redis.cluster import RedisCluster
from support.forms import FULL
from support.on_hosts import OnHosts
from support.output_schema import document
from support.waiting import until

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_CLUSTER = ('shape = "cluster"', "shards = 3", "replicas = 1", "node_timeout = 2000")


def _found(over_hosts: OnHosts, check: str, *options: str) -> list[tuple[str, str, str]]:
    """What `verify` finds by a check: subject, status, evidence."""
    done = over_hosts.project.run("verify", "--json", *options, seconds=60)
    findings: list[dict[str, Any]] = document(done.out)["result"]["findings"]
    return [
        (one["subject"], one["status"], one["evidence"])
        for one in findings
        if one["check"] == check
    ]


def test_a_clock_that_is_wrong_is_measured(over_hosts: OnHosts) -> None:
    over_hosts.init(*_CLUSTER)
    project = over_hosts.project
    with clock.ahead(over_hosts.lab["h2"], 30):
        project.run("up", check=0, seconds=300)
        times = {}
        for address in over_hosts.addresses():
            with over_hosts.client(address) as node:
                times[address[0]] = node.time()[0]
        assert 29 <= times[over_hosts.lab["h2"].address] - times[over_hosts.lab["h1"].address] <= 35
        ((subject, status, evidence),) = _found(over_hosts, "hosts.clock")
        assert (subject, status) == ("h2", "warn")
        assert "its clock is 30.0 s ahead of the other hosts" in evidence
        project.run("verify", check=0)
        (host, port), *_ = over_hosts.addresses()
        with RedisCluster(host=host, port=port, password=project.password) as client:
            for number in range(30):
                client.set(f"key{number}", "1", ex=600)
        ((subject, status, evidence),) = _found(over_hosts, "hosts.clock")
        assert (subject, status) == ("h2", "fail")
        assert "with a TTL expire too early there" in evidence
        project.run("verify", check=3)
        project.run("down", check=0)
    project.run("up", check=0, seconds=300)
    ((subject, status, evidence),) = _found(over_hosts, "hosts.clock")
    assert (subject, status) == ("topology", "ok"), evidence


def test_a_port_that_a_firewall_closes_is_named_by_the_host_that_needs_it(
    over_hosts: OnHosts,
) -> None:
    """Bus ports by verify itself, once links are down; a port that nothing uses yet by --reach."""
    over_hosts.init(*_CLUSTER)
    project, first, second = over_hosts.project, over_hosts.lab["h1"], over_hosts.lab["h2"]
    project.run("up", check=0, seconds=300)
    ports = sorted(port for host, port in over_hosts.addresses() if host == second.address)
    with _closed(second, first.address, ports[1]):
        assert _found(over_hosts, "hosts.reach")[0][1] == "skip"
        project.run("verify", check=0)
        done = project.run("verify", "--reach", check=3)
        assert f"it doesn't reach {second.address}:{ports[1]}: no reply within 2 s" in done.out
    assert _found(over_hosts, "hosts.reach", "--reach")[0][1] == "ok"
    bus = [port + 10000 for port in ports]
    with _closed(second, first.address, *bus):

        def named() -> bool:
            return any(one[:2] == ("h1", "fail") for one in _found(over_hosts, "hosts.reach"))

        until(named, 60, what="verify tries it from each host")
        found = {one[0]: one for one in _found(over_hosts, "hosts.reach")}
        assert set(found) == {"h1"}
        assert f"it doesn't reach {second.address}:{bus[0]} and 1 more" in found["h1"][2]
    # a connection that gets no reply is tried again for a while
    until(lambda: project.run("verify", "--reach").code == 0, 120, what="the links are up again")
    assert over_hosts.faults() == []


@contextmanager
def _closed(host: Host, to: str, *ports: int) -> Iterator[None]:
    """In the block the host's firewall drops what comes from an address to its ports."""
    rules = [f"INPUT -s {to} -p tcp --dport {port} -j DROP".split() for port in ports]
    for one in rules:
        host.run("iptables", "-A", *one)
    try:
        yield
    finally:
        for one in rules:
            host.run("iptables", "-D", *one)
