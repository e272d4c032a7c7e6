"""Which primary is on record after a snapshot."""

from dataclasses import replace

import pytest

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.sentinel_replies import MonitoredPrimary
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState
from redistopo.model.state.record import RecordedNode, TopologyState, with_primary_seen
from redistopo.model.topology.spec import Shape


def _node(name: str, info: dict[str, str], names: int = 0) -> NodeSeen:
    """The nth node, at port 700n; a Sentinel that names the one at port `names`."""
    watch = MonitoredPrimary(
        name="topology",
        endpoint=Endpoint("127.0.0.1", names),
        flags=frozenset(),
        epoch=1,
        settings={},
    )
    return NodeSeen(
        name=name,
        endpoint=Endpoint("127.0.0.1", 7000 + int(name[-1])),
        process=ProcessState.RUNNING,
        info=info,
        watches=(watch,) if names else (),
    )


def _seen(roles: str, names: int = 0) -> Observed:
    """One node for each letter: primary, replica, silent; and a Sentinel that names one."""
    infos = {"p": {"role": "master"}, "r": {"role": "slave"}, "-": {}}
    nodes = [_node(f"node{n}", infos[letter]) for n, letter in enumerate(roles, 1)]
    if names:
        nodes.append(_node("sentinel9", {"redis_mode": "sentinel"}, names))
    return Observed(shape=Shape.SENTINEL if names else Shape.REPLICATION, nodes=tuple(nodes))


@pytest.mark.parametrize(
    ("roles", "names", "primary"),
    [
        ("prr", 0, "node1"),
        ("rpr", 0, "node2"),
        ("-pr", 0, "node2"),
        ("rr-", 0, "node1"),  # no node leads: the last one that did stays
        ("---", 0, "node1"),
        ("ppr", 0, ""),  # cannot be determined
        ("ppr", 7002, "node2"),
        ("rpp", 7003, "node3"),
        ("prr", 7002, "node1"),  # in the midst of a failover: the only one that says so
    ],
)
@pytest.mark.parametrize("shape", ["replication", "sentinel"])
def test_the_primary_that_servers_report(shape: str, roles: str, names: int, primary: str) -> None:
    before = _state(shape)
    assert with_primary_seen(before, _seen(roles, names)) == replace(before, primary=primary)


@pytest.mark.parametrize(
    "state",
    [
        lambda: _state("cluster"),  # its nodes.conf files know
        lambda: _state("standalone"),
        lambda: replace(_state("replication"), formed=False),
    ],
)
def test_a_state_that_names_no_primary(state: object) -> None:
    assert callable(state)
    before = state()
    assert with_primary_seen(before, _seen("rp")) == before


def _state(shape: str) -> TopologyState:
    return TopologyState(
        id="0" * 16,
        name="topology",
        shape=shape,
        created="2026-01-01T00:00:00+00:00",
        formed=True,
        nodes=(RecordedNode(name="node1", host="127.0.0.1", port=7001),),
        primary="node1",
    )
