"""`status` and the state after a verb: nodes of several hosts are told apart."""

from pathlib import Path

import pytest

from redistopo.cli.views.node_action import show_now
from redistopo.cli.views.status import show_status
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.observed import Role
from redistopo.model.state.status_rows import NodeStatus
from redistopo.model.topology.spec import Shape
from redistopo.ops.status import StatusResult


def _nodes(second: str) -> tuple[NodeStatus, ...]:
    return tuple(
        NodeStatus(name=name, shard=1, role=role, pid=41, state="ok", endpoint=Endpoint(host, port))
        for name, role, host, port in (
            ("node1", Role.PRIMARY, "10.0.0.1", 7000),
            ("node2", Role.REPLICA, second, 7001),
        )
    )


@pytest.mark.parametrize(
    ("second", "head", "cells"),
    [
        ("10.0.0.1", "PORT", ["7000", "7001"]),
        ("10.0.0.2", "ADDRESS", ["10.0.0.1:7000", "10.0.0.2:7001"]),
    ],
)
def test_nodes_of_several_hosts_are_shown_by_their_addresses(
    second: str, head: str, cells: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = _nodes(second)
    show_status(
        StatusResult(name="s", shape=Shape.CLUSTER, root=Path(), engine="Redis 7.0.15", nodes=nodes)
    )
    show_now(nodes)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    tables = [line for line in lines if "NODE" in line]
    assert [line[3] for line in tables] == [head, head]
    assert [line[3] for line in lines if line[:2][-1:] in (["node1"], ["node2"])] == cells * 2
