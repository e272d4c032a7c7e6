"""Whether a topology survives each host: captured clusters, placed on hosts by hand."""

from collections.abc import Callable

import pytest

from redistopo.model.planning.host_loss import host_losses
from redistopo.model.state.observed import Observed

Seen = Callable[[str, str], Observed]
_SPREAD = {"node1": "a", "node5": "a", "node2": "b", "node6": "b", "node3": "c", "node4": "c"}

# shape, where its nodes are -> what the loss of host a costs
_CASES: tuple[tuple[str, dict[str, str], str], ...] = (
    ("cluster", _SPREAD, ""),
    ("cluster", {**_SPREAD, "node4": "a"}, "node1 has no replica"),
    ("cluster", {**_SPREAD, "node2": "a"}, "1 of 3 primaries would be left to vote"),
    ("cluster", {"node4": "a", "node5": "a", "node6": "a", "node1": "b"}, ""),
    ("replication", {"node1": "a", "node2": "b"}, "a replication has no failover"),
    ("replication", {"node1": "b", "node2": "a"}, ""),
)


@pytest.mark.parametrize(("shape", "places", "obstacle"), _CASES)
def test_the_loss_of_a_host(
    observed: Seen, shape: str, places: dict[str, str], obstacle: str
) -> None:
    losses = host_losses(observed("redis-7.0", shape), places)
    found = next(one for one in losses if one.machine == "a")
    assert found.nodes == tuple(sorted(name for name, at in places.items() if at == "a"))
    assert bool(found.obstacles) is bool(obstacle)
    assert obstacle in found.text
    assert ("survives" in found.text) is not bool(obstacle)
