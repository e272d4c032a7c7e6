"""A topology of which some nodes have moved: addresses, steps and refusals."""

from collections.abc import Callable

import pytest

from redistopo.errors import UsageError
from redistopo.model.planning.mixed_addresses import (
    endpoints_of,
    meeting_steps,
    readdress_step,
    refuse_rolling_move,
    with_endpoints,
)
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.observed import Observed

NOTHING = Observed(shape="cluster", nodes=())  # type: ignore[arg-type]


def test_a_node_has_its_bus_port_beside_its_port(plan: Callable[..., Plan]) -> None:
    made = with_endpoints(plan(shape="cluster", port=7000), {"node2": Endpoint("::1", 7101)})
    assert made.node("node2").ports == (7101, 17101)
    assert made.node("node1").ports == (7000, 17000)
    alone = with_endpoints(plan(shape="replication"), {"node1": Endpoint("127.0.0.1", 7101)})
    assert alone.node("node1").ports == (7101,)


def test_files_get_the_present_address_of_each_node(plan: Callable[..., Plan]) -> None:
    before, after = plan(shape="cluster", port=7000), plan(shape="cluster", port=7100)
    now = with_endpoints(before, {"node2": after.node("node2").endpoint})
    step = readdress_step(now, "node2", (endpoints_of(before), endpoints_of(after)))
    moves = step.settings["node2"]
    assert moves["127.0.0.1:7001"] == "127.0.0.1:7101"  # moved, and not back
    assert moves["127.0.0.1:7100"] == "127.0.0.1:7000"  # not yet
    assert "127.0.0.1:7101" not in moves


@pytest.mark.parametrize(
    ("shape", "name", "kinds"),
    [
        ("cluster", "node4", ["rejoin"]),
        ("replication", "node2", []),
        ("sentinel", "node2", ["recount"]),
        ("sentinel", "sentinel1", ["meet", "discover"]),
    ],
)
def test_who_learns_the_new_address(
    plan: Callable[..., Plan], shape: str, name: str, kinds: list[str]
) -> None:
    assert [one.do.value for one in meeting_steps(plan(shape=shape), name)] == kinds


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"port": 7005}, "overlap the present ones: 7005 (node6)"),
        ({"port": 17000}, "overlap"),  # a data port that is a bus port now
        ({"port": 7000, "host": "127.0.0.2"}, ""),
        ({"port": 7006}, ""),
        ({"port": 7000, "host": "127.0.0.2", "tls": True}, "certificates"),
    ],
)
def test_what_can_not_move_one_by_one(
    plan: Callable[..., Plan], more: dict[str, object], told: str
) -> None:
    before, after = plan(shape="cluster", port=7000), plan(shape="cluster", **more)
    if not told:
        refuse_rolling_move(before, after, NOTHING, "redistopo move --restart")
        return
    with pytest.raises(UsageError, match=told.replace("(", r"\(").replace(")", r"\)")) as refused:
        refuse_rolling_move(before, after, NOTHING, "redistopo move --restart")
    assert "redistopo move --restart" in refused.value.hint
