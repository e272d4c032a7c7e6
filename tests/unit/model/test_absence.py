"""What is lost while nodes are gone, told by what the nodes are now."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redistopo.model.absence import losses
from redistopo.model.observed import Observed

Seen = Callable[[str, str], Observed]


def _without(seen: Observed, *names: str) -> Observed:
    """The snapshot with nodes that don't answer."""
    nodes = tuple(
        replace(node, info={}, members=(), error="refused") if node.name in names else node
        for node in seen.nodes
    )
    return replace(seen, nodes=nodes)


# the samples: node1 to node3 lead, node4 to node6 follow them in this order
@pytest.mark.parametrize(
    ("going", "gone", "told"),
    [
        ("", "", []),
        ("node5", "", ["shard 2: node2 has no replica meanwhile"]),
        ("node2", "", ["shard 2: node5 takes over from node2 after the node timeout"]),
        ("node2 node5", "", ["shard 2 has no other node that answers: slots 5461-10922"]),
        ("node2", "node5", ["shard 2 has no other node that answers: slots 5461-10922"]),
        ("node1 node2", "", ["nobody takes over from node1, for 1 of 3", "from node2"]),
        ("node1 node2 node3 node4 node5 node6", "", ["no node is left that answers"]),
        ("node5", "node5", []),
    ],
)
def test_of_a_cluster(
    observed: Seen, engine_name: str, going: str, gone: str, told: list[str]
) -> None:
    found = losses(_without(observed(engine_name, "cluster"), *gone.split()), going.split())
    assert len(found) == len(told)
    assert all(part in one for part, one in zip(told, found, strict=True))


@pytest.mark.parametrize(
    ("going", "told"),
    [
        ("node1", ["node1 is the primary: nobody takes writes meanwhile"]),
        ("node2", []),
        ("node2 node3", ["node1 has no replica meanwhile"]),
        ("node1 node2 node3", ["no node is left that answers"]),
    ],
)
def test_of_a_replication(observed: Seen, engine_name: str, going: str, told: list[str]) -> None:
    assert list(losses(observed(engine_name, "replication"), going.split())) == told
