"""Chains of replicas, and replicas that can't be queried, on changed snapshots of real servers."""

from collections.abc import Callable
from typing import Any

from support.cases import Shaped, among, table

from redistopo.model.state.finding import Status

OK, WARN, FAIL, UNKNOWN = Status.OK, Status.WARN, Status.FAIL, Status.UNKNOWN


def _chained(scene: Any) -> Any:
    """node3 follows node2."""
    return scene.info("node3", master_port=scene.named("node2").port)


def _denied(scene: Any, *names: str) -> Any:
    """Nodes that reject our password."""
    for name in names:
        scene = scene.node(name, error="rejected our password", info={}, cluster={}, members=())
    return scene


CASES: list[Shaped] = [
    ("replication.chain", "replication", OK, "shard 1", "node2, node3 follow node1 directly",
     lambda s: s),
    ("replication.chain", "replication", FAIL, "node3", "follows node2, which is itself a replica",
     _chained),
    ("replication.chain", "replication", WARN, "node3", "follows node2, which is itself a replica",
     lambda s: _chained(s).expect(host=None, replicas=None)),
    ("replication.shape", "replication", OK, "shard 1", "primary node1, replicas node2, node3",
     _chained),
    ("replication.shape", "replication", OK, "shard 1", "node2, node3 (it doesn't reply to us)",
     lambda s: _denied(s, "node3")),
    ("replication.shape", "cluster", OK, "shard 1", "node4 (it doesn't reply to us)",
     lambda s: _denied(s, "node4")),
    ("failover.ready", "cluster", UNKNOWN, "shard 1", "node4 can't be queried",
     lambda s: _denied(s, "node4")),
]  # fmt: skip


@table(CASES)
def test_chains_and_replicas_that_cannot_be_queried(
    engine_name: str, scene: Callable[[str, str], Any], case: Shaped
) -> None:
    check, shape, *rest = case
    among(scene(engine_name, shape), (check, *rest))
