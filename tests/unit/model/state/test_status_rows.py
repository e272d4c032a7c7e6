"""Rows of `status` that a single snapshot decides."""

import pytest

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.status_rows import status_rows, without_rates_of_start
from redistopo.model.topology.spec import Shape


@pytest.mark.parametrize(("uptime", "shown"), [("0", None), ("3", None), ("4", 25), ("900", 25)])
def test_the_rate_of_a_server_that_has_just_started_is_unknown(
    uptime: str, shown: int | None
) -> None:
    """It is that of the commands with which `up` looked at it."""
    node = NodeSeen(
        name="node1",
        endpoint=Endpoint("127.0.0.1", 7000),
        info={"role": "master", "uptime_in_seconds": uptime, "instantaneous_ops_per_sec": "25"},
    )
    rows = status_rows(Observed(shape=Shape.STANDALONE, nodes=(node,)))
    (row,) = without_rates_of_start(rows)
    assert row.operations == shown
