"""Checks on the hosts of a topology: their clocks, the network between them, their restart."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.cases import Shaped, among, table
from support.scenes_on_hosts import HOSTS, on_hosts, with_clocks

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.clock import Clock, clock_of
from redistopo.model.state.finding import Status
from redistopo.model.state.host_reach import HostReach, PortFailed

OK, WARN, FAIL, SKIP, UNKNOWN = Status.OK, Status.WARN, Status.FAIL, Status.SKIP, Status.UNKNOWN
Scenes = Callable[[str, str], Any]

_UNIT = "redistopo-a-node1.service"
_BUS = PortFailed(node="node2", endpoint=Endpoint("10.0.0.2", 17001), why="no reply within 2 s")


def _reached(scene: Any, *found: HostReach) -> Any:
    placed = on_hosts(scene)
    return placed._with(replace(placed.seen, host_reach=found))


def _kept(scene: Any, **services: str) -> Any:
    """The scene on hosts that keep servers as units of systemd, or as it is given."""
    return scene.expect(services={"h1": "systemd", "h2": "systemd", "h3": "systemd", **services})


def _conf(scene: Any, **directives: tuple[str, ...]) -> dict[str, Any]:
    """The rendered configuration of each node: these directives only."""
    clustered = {"cluster-enabled": ("yes",)} if scene.expected.shards > 1 else {}
    return {node.name: {**clustered, **directives} for node in scene.seen.nodes}


def _down(scene: Any) -> Any:
    """One host doesn't reach the bus port of a node that doesn't reply to us either."""
    return _reached(scene.down("node2"), HostReach(host="h1", tried=8, failed=(_BUS,)))


def _timeless(scene: Any) -> Any:
    return on_hosts(scene).node("node2", clock=None).node("node4", clock=None)


# Check, shape, status, subject, part of the evidence, and what is changed in a healthy topology.
CASES: list[Shaped] = [
    ("hosts.clock", "cluster", OK, "topology", "clocks of 3 hosts differ by 0.000 s", on_hosts),
    (
        "hosts.clock",
        "cluster",
        OK,
        "topology",
        "3 hosts differ by 0.900 s (server_time_usec of INFO, within 0.002 s)",
        lambda s: with_clocks(s, 0.0, 0.9, 0.0, keys=5),
    ),
    (
        "hosts.clock",
        "cluster",
        WARN,
        "h2",
        "its clock is 5.0 s behind the other hosts",
        lambda s: with_clocks(s, 7.0, 2.0, 7.0, keys=5),
    ),
    (
        "hosts.clock",
        "cluster",
        WARN,
        "h2",
        "its clock is 60.0 s ahead of the other hosts (server_time_usec",
        lambda s: with_clocks(s, 7.0, 67.0, 7.0),
    ),
    (
        "hosts.clock",
        "cluster",
        FAIL,
        "h2",
        "60.0 s ahead of the other hosts (server_time_usec of INFO, within 0.002 s): 10 keys with "
        "a TTL expire too early there",
        lambda s: with_clocks(s, 0.0, 60.0, 0.0, keys=5),
    ),
    (
        "hosts.clock",
        "replication",
        FAIL,
        "h3",
        "12.0 s behind the other hosts (server_time_usec of INFO, within 0.002 s): 5 keys with a "
        "TTL expire too late there",
        lambda s: with_clocks(s, 0.0, 0.0, -12.0, keys=5),
    ),
    ("hosts.clock", "cluster", UNKNOWN, "h2", "no time in INFO (server_time_usec)", _timeless),
    (
        "hosts.clock",
        "cluster",
        SKIP,
        "topology",
        "nodes of fewer than two hosts reply",
        lambda s: on_hosts(s.down("node2", "node3", "node4", "node5")),
    ),
    ("hosts.reach", "cluster", SKIP, "topology", "not tried: no link between hosts", on_hosts),
    (
        "hosts.reach",
        "cluster",
        OK,
        "topology",
        "2 hosts reach each other's ports: 12 connections",
        lambda s: _reached(s, HostReach(host="h1", tried=8), HostReach(host="h2", tried=4)),
    ),
    (
        "hosts.reach",
        "cluster",
        FAIL,
        "h1",
        "it doesn't reach 10.0.0.2:17001: no reply within 2 s; node2 there replies to redistopo",
        lambda s: _reached(s, HostReach(host="h1", tried=8, failed=(_BUS,))),
    ),
    (
        "hosts.reach",
        "cluster",
        FAIL,
        "h1",
        "it doesn't reach 10.0.0.2:17001 and 1 more: no reply",
        lambda s: _reached(s, HostReach(host="h1", tried=8, failed=(_BUS, _BUS))),
    ),
    ("hosts.reach", "cluster", OK, "topology", "1 hosts reach", _down),
    (
        "hosts.reach",
        "cluster",
        UNKNOWN,
        "h1",
        "not tried from there: Connection refused",
        lambda s: _reached(s, HostReach(host="h1", error="Connection refused")),
    ),
    (
        "hosts.restart",
        "cluster",
        WARN,
        "topology",
        "after a restart of a host, redistopo up starts its nodes; nothing does by itself",
        on_hosts,
    ),
    (
        "hosts.restart",
        "replication",
        OK,
        "topology",
        'service = "process" accepts it',
        lambda s: on_hosts(s, replace(HOSTS, service="process")),
    ),
    (
        "hosts.restart",
        "cluster",
        OK,
        "topology",
        "systemd starts the nodes of h1, h2, h3 with their host",
        lambda s: _kept(on_hosts(s)),
    ),
    (
        "hosts.restart",
        "cluster",
        WARN,
        "h2",
        "its nodes are processes",
        lambda s: _kept(on_hosts(s), h2="process"),
    ),
    (
        "hosts.restart",
        "cluster",
        WARN,
        "h1",
        f"its systemd doesn't start {_UNIT} with it",
        lambda s: _kept(_reached(s, HostReach(host="h1", tried=8, not_at_boot=(_UNIT,)))),
    ),
    (
        "hosts.restart",
        "cluster",
        WARN,
        "topology",
        "node6 not started with the host: it keeps no data on disk",
        lambda s: _kept(on_hosts(s.expect(config=_conf(s, save=("",), appendonly=("no",))))),
    ),
    (
        "hosts.restart",
        "replication",
        WARN,
        "topology",
        "its file doesn't say which node is primary since the last failover",
        lambda s: _kept(on_hosts(s.expect(config=_conf(s, appendonly=("yes",))))),
    ),
]


@table(CASES)
def test_hosts_are_judged(scene: Scenes, case: Shaped) -> None:
    check, shape, *rest = case
    found = among(scene("redis-7.0", shape), (check, *rest))
    assert all(one.hint for one in found if one.status in (WARN, FAIL))


@pytest.mark.parametrize("check", ["hosts.clock", "hosts.reach", "hosts.restart"])
def test_on_one_machine_nothing_is_judged(scene: Scenes, check: str) -> None:
    assert scene("redis-7.0", "cluster").findings(check) == ()


def test_a_node_of_a_host_that_is_not_reached_is_not_called_paused(scene: Scenes) -> None:
    why = "connect to 10.0.0.2 port 22: no reply within 5 s"
    lost = on_hosts(scene("redis-7.0", "cluster")).node("node2", error="no reply", host_error=why)
    (found,) = lost.findings("node.alive")
    assert (found.subject, "check that host" in found.hint) == ("node2", True)


def test_of_two_hosts_the_one_ahead_is_named(scene: Scenes) -> None:
    alone = with_clocks(scene("redis-7.0", "cluster").down("node3", "node5"), 0.0, 4.0, 0.0)
    (found,) = alone.findings("hosts.clock")
    assert (found.subject, "4.0 s ahead of the other host (" in found.evidence) == ("h2", True)


@pytest.mark.parametrize(
    ("text", "began", "ended", "clock"),
    [
        ("1000000000", 990.0, 992.0, Clock(ahead=9.0, within=1.0)),
        ("1000000000", 1001.0, 1001.5, Clock(ahead=-1.25, within=0.25)),
        ("1000000000", 990.0, 989.0, None),  # our own clock was set back in between
        ("", 990.0, 992.0, None),
        ("soon", 990.0, 992.0, None),
    ],
)
def test_a_clock_is_compared_at_the_midpoint_of_the_round_trip(
    text: str, began: float, ended: float, clock: Clock | None
) -> None:
    assert clock_of({"server_time_usec": text}, began, ended) == clock
