"""Which nodes are shut down before which."""

import pytest

from redistopo.model.planning.shutdown_order import Phase, shutdown_phases
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.topology.spec import Shape


def _node(name: str, role: str) -> NodeSeen:
    info = {"role": role} if role else {}
    at = Endpoint("127.0.0.1", 1)
    return NodeSeen(name=name, endpoint=at, info=info, error="" if role else "silent")


SEEN = Observed(
    shape=Shape.SENTINEL,
    nodes=(
        _node("node1", "slave"),
        _node("node2", "master"),
        _node("node3", ""),
        _node("sentinel1", "sentinel"),
    ),
)


@pytest.mark.parametrize(
    ("names", "phases"),
    [
        ((), ()),
        (("node2",), (("primaries", ("node2",)),)),
        (
            ("node2", "node3", "node1", "sentinel1"),
            (
                ("Sentinels", ("sentinel1",)),
                ("replicas", ("node1",)),
                # a node that doesn't reply may be a primary, so it has the most time
                ("primaries", ("node2", "node3")),
            ),
        ),
        # a Sentinel that is stopped, or a node that is in no snapshot
        (
            ("sentinel2", "node9"),
            (("Sentinels", ("sentinel2",)), ("primaries", ("node9",))),
        ),
    ],
)
def test_order(names: tuple[str, ...], phases: tuple[Phase, ...]) -> None:
    sentinels = [name for name in names if name.startswith("sentinel")]
    assert shutdown_phases(SEEN, names, sentinels) == phases
