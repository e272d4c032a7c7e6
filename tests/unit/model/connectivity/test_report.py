"""Who reaches whom and why not: real topologies as captured, with one trouble each."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from redistopo.model.connectivity.matrix import NodeProbe, PortState
from redistopo.model.connectivity.report import (
    ConnectivityReport,
    brief,
    connectivity_report,
    explanation_lines,
    matrix_lines,
)
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState

Captured = Callable[[str, str], Observed]


def _probes(seen: Observed, **changed: dict[str, Any]) -> list[NodeProbe]:
    """Probes that found all well, but for the fields of the nodes named."""
    found = []
    for node in seen.nodes:
        clustered = bool(node.members)
        well = NodeProbe(
            name=node.name,
            data=PortState.OK,
            bus=PortState.OK if clustered else None,
            bus_port=node.port + 10000 if clustered else 0,
            info=node.info,
        )
        found.append(replace(well, **changed.get(node.name, {})))
    return found


def _with(seen: Observed, name: str, change: Callable[[NodeSeen], NodeSeen]) -> Observed:
    nodes = tuple(change(node) if node.name == name else node for node in seen.nodes)
    return replace(seen, nodes=nodes)


def _foreign(seen: Observed) -> Observed:
    """The same nodes, as of a topology that redistopo didn't start."""
    nodes = (replace(node, process=ProcessState.NOT_OURS, pid=0) for node in seen.nodes)
    return replace(seen, nodes=tuple(nodes))


def _down(seen: Observed, name: str, about: str) -> Observed:
    """The node has no bus link to that other one."""
    port = next(node.port for node in seen.nodes if node.name == about)

    def change(node: NodeSeen) -> NodeSeen:
        members = (
            replace(one, linked=False) if one.port == port and not one.myself else one
            for one in node.members
        )
        return replace(node, members=tuple(members))

    return _with(seen, name, change)


@pytest.mark.parametrize("shape", ["cluster", "replication"])
def test_a_captured_healthy_topology_has_no_trouble(
    observed: Captured, engine_name: str, shape: str
) -> None:
    seen = observed(engine_name, shape)
    found = connectivity_report(seen, _probes(seen))
    assert found.healthy
    assert explanation_lines(found) == brief(found) == ""


CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "refused, and it listens elsewhere": (
        {"data": PortState.REFUSED, "listens": ("127.0.0.2:7001",), "info": {}},
        "bind address: node2 listens on 127.0.0.2:7001",
        "refused",
    ),
    "refused, and it listens nowhere": (
        {"data": PortState.REFUSED, "listens": (), "info": {}},
        "listens on no port yet",
        "refused",
    ),
    "refused, and nothing more is known": (
        {"data": PortState.REFUSED, "info": {}},
        "nothing listens: nothing listens on 127.0.0.1:",
        "refused",
    ),
    "a bus port that is refused": ({"bus": PortState.REFUSED}, "the bus port of node2", "refused"),
    "a data port that is silent": (
        {"data": PortState.SILENT, "info": {}},
        "(the data port of node2) time out",
        "timeout",
    ),
    "a bus port without route": (
        {"bus": PortState.NO_ROUTE},
        "(the bus port of node2) have no route",
        "noroute",
    ),
    "a refused password": (
        {"denied": "WRONGPASS", "info": {}},
        "node2 rejects redistopo's password: WRONGPASS",
        "denied",
    ),
    "connected, and no answer": ({"info": {}}, "accepts connections, but doesn't reply", "mute"),
    "no cluster mode": ({"info": {"cluster_enabled": "0"}}, "cluster mode: node2", "ok"),
}


@pytest.mark.parametrize("foreign", [False, True], ids=["ours", "foreign"])
@pytest.mark.parametrize("case", CASES)
def test_a_probe_tells_the_cause(observed: Captured, case: str, *, foreign: bool) -> None:
    fields, cause, word = CASES[case]
    seen = observed("redis-7.0", "cluster")
    seen = _foreign(seen) if foreign else seen
    found = connectivity_report(seen, _probes(seen, node2=fields))
    assert cause in str(found.cause)
    assert found.remedy
    assert ("redistopo up" in found.remedy) <= (not foreign)
    column = found.nodes.index("node2")
    assert word in {row.cells[column] for row in found.rows}
    if word != "ok":
        assert found.pair is not None
        assert (found.pair.source, found.pair.target) == ("redistopo", "node2")


def test_a_port_that_another_program_holds(observed: Captured) -> None:
    seen = observed("redis-7.0", "cluster")
    port = seen.nodes[1].port + 10000
    found = connectivity_report(seen, _probes(seen, node2={"holders": {port: "nginx (pid 7)"}}))
    assert f"port {port} is in use by nginx (pid 7)" in str(found.cause)
    assert "another program listens there" in str(found.pair)


def test_an_announced_address_that_leads_elsewhere(observed: Captured) -> None:
    def progress(node: NodeSeen) -> NodeSeen:
        members = (replace(one, bus_port=9) if one.myself else one for one in node.members)
        return replace(node, members=tuple(members))

    seen = _with(observed("redis-7.0", "cluster"), "node2", progress)
    port = seen.nodes[1].port
    for fields, words in (
        ({"announced": PortState.REFUSED}, "127.0.0.1:9, where nothing listens; its bus"),
        ({"announced": PortState.SILENT}, "127.0.0.1:9, where nothing replies; its bus"),
        (
            {"announced": PortState.OK, "announced_holder": "nginx (pid 7)"},
            "127.0.0.1:9, which is in use by nginx (pid 7); its bus",
        ),
    ):
        found = connectivity_report(seen, _probes(seen, node2=fields))
        assert words in str(found.cause)
        assert "redistopo can't reach node2 (127.0.0.1:9, bus port)" in str(found.pair)
        assert f"CONFIG SET cluster-announce-bus-port {port + 10000}" in found.remedy
    # behind NAT another address is right
    assert connectivity_report(seen, _probes(seen, node2={"announced": PortState.OK})).healthy


def test_a_paused_node_goes_before_what_follows_from_it(observed: Captured) -> None:
    seen = _down(observed("redis-7.0", "cluster"), "node1", "node2")
    seen = _with(seen, "node2", lambda node: replace(node, paused=True, info={}, members=()))
    found = connectivity_report(seen, _probes(seen, node2={"info": {}}))
    assert [cause.kind for cause in found.causes] == ["stopped process"]
    assert found.about("node1") is found.cause


def test_a_link_that_fails_between_well_nodes(observed: Captured) -> None:
    """On one machine no firewall is suspected; between two it is."""
    seen = _down(observed("redis-7.0", "cluster"), "node1", "node2")
    assert "every port is open, but node1 has no link to node2" in str(
        connectivity_report(seen, _probes(seen)).cause
    )
    away = _with(
        seen, "node1", lambda node: replace(node, endpoint=Endpoint("127.0.0.3", node.port))
    )
    cause = connectivity_report(away, _probes(away)).causes[-1]
    assert cause.kind == "firewall"
    assert "node1 doesn't" in cause.evidence


def test_nodes_that_nobody_has_introduced_yet_miss_nothing(observed: Captured) -> None:
    seen = observed("redis-7.0", "cluster")
    alone = (
        replace(node, members=tuple(one for one in node.members if one.myself))
        for node in seen.nodes
    )
    seen = replace(seen, nodes=tuple(alone))
    assert connectivity_report(seen, _probes(seen)).healthy
    found = connectivity_report(seen, _probes(seen, node2={"bus": PortState.REFUSED}))
    assert [row.source for row in found.rows] == ["redistopo", "redistopo"]
    assert len(found.causes) == 1


def test_a_node_that_others_do_not_know(observed: Captured) -> None:
    whole = observed("redis-7.0", "cluster")
    port = whole.nodes[1].port

    def forget(node: NodeSeen) -> NodeSeen:
        return replace(node, members=tuple(one for one in node.members if one.port != port))

    seen = _with(whole, "node1", forget)
    found = connectivity_report(seen, _probes(seen))
    assert str(found.pair).endswith("it doesn't know that node")
    assert f"CLUSTER MEET 127.0.0.1 {port}" in found.remedy


def test_a_replica_whose_login_is_refused(observed: Captured) -> None:
    seen = observed("redis-7.0", "replication")
    down = {"master_link_status": "down"}
    seen = _with(seen, "node2", lambda node: replace(node, info={**node.info, **down}))
    said = "MASTER aborted replication with an error: NOAUTH"
    found = connectivity_report(seen, _probes(seen, node2={"login": "WRONGPASS", "log_line": said}))
    assert "rejects node2's masterauth (WRONGPASS)" in str(found.cause)
    assert said in str(found.cause)
    assert "node2 can't reach node1" in str(found.pair)
    silent = connectivity_report(seen, _probes(seen, node2={"log_line": said}))
    assert "replication: node2 has no link to its primary node1" in str(silent.cause)


def _many(seen: Observed, count: int) -> tuple[Observed, list[NodeProbe]]:
    """The replication's second node many times over: what it says of others doesn't matter."""
    nodes = tuple(
        replace(
            seen.nodes[0],
            name=f"node{n}",
            endpoint=Endpoint("127.0.0.1", 7000 + n),
            info={"role": "master"},
        )
        for n in range(1, count + 1)
    )
    many = replace(seen, nodes=nodes)
    return many, _probes(many, **{f"node{n}": {"data": PortState.REFUSED} for n in (50, 51)})


@pytest.mark.parametrize("count", [6, 12, 102])
def test_the_matrix_fits_a_terminal(observed: Captured, count: int) -> None:
    seen = observed("redis-7.0", "cluster")
    if count > 6:
        seen, probes = _many(observed("redis-7.0", "replication"), count)
    else:
        probes = _probes(
            seen, node5={"data": PortState.REFUSED, "info": {}, "bus": PortState.SILENT}
        )
    found: ConnectivityReport = connectivity_report(seen, probes)
    lines = matrix_lines(found)
    assert max(map(len, lines)) <= 78
    assert len(lines) <= 20
    if count == 6:
        assert lines[0].split() == ["from", "port", *(f"node{n}" for n in range(1, 7))]
    if count == 102:
        assert lines[0].split() == ["from", "port", "node50", "node51"]
        assert lines[-1] == "102 nodes, 2 of them not reached by all"


def test_the_nodes_of_a_fault_come_first(observed: Captured) -> None:
    seen = _down(observed("valkey-8.1", "cluster"), "node4", "node6")
    found = connectivity_report(seen, _probes(seen, node5={"bus": PortState.REFUSED}))
    assert found.first_nodes(3)[0] == "node5"
    assert set(found.first_nodes(3)) == {"node4", "node5", "node6"}
    assert set(found.first_nodes(99)) == {node.name for node in seen.nodes}


@pytest.mark.parametrize(
    ("why", "kind"),
    [("", "firewall"), ("ssh: connect to host 10.0.0.2 port 22: timed out", "host")],
)
def test_a_host_that_is_down_is_no_firewall(observed: Captured, why: str, kind: str) -> None:
    """Its SSH server doesn't reply either, which was tried before."""
    silent = {"data": PortState.SILENT, "bus": PortState.SILENT, "info": {}}
    seen = _with(
        observed("redis-7.0", "cluster"),
        "node2",
        lambda node: replace(node, error="no reply", host_error=why, info={}, members=()),
    )
    cause = connectivity_report(seen, _probes(seen, node2=silent)).about("node2")
    assert cause is not None
    assert (cause.kind.value, why in cause.evidence) == (kind, True)
    assert ("ufw" in cause.remedy) is (kind == "firewall")
