"""Which nodes get other settings while their cluster forms."""

from collections.abc import Callable

import pytest

from redistopo.model.planning.form_cluster import NODE_TIMEOUT, faster_cron, form_step
from redistopo.model.planning.plan import Plan


@pytest.mark.parametrize(
    ("formation", "keys", "timeouts"),
    [
        ("redis-cli", {"replicas": 0}, dict.fromkeys(("node1", "node2", "node3"), "500")),
        ("redis-cli", {"replicas": 0, "node_timeout": 500}, {"node1": "500", "node3": "500"}),
        ("redis-cli", {"shards": 11, "replicas": 1}, {}),
        ("instant", {"replicas": 1}, dict.fromkeys(("node4", "node5", "node6"), "100")),
        ("instant", {"replicas": 0}, {}),
        ("instant", {"shards": 11, "replicas": 1}, {"node12": "1000", "node22": "1000"}),
    ],
)
def test_node_timeouts(
    plan: Callable[..., Plan], formation: str, keys: dict[str, int], timeouts: dict[str, str]
) -> None:
    made = plan("cluster", formation=formation, **keys)
    step = form_step(made)
    assert step.nodes == tuple(node.name for node in made.nodes)
    found = {name: some[NODE_TIMEOUT] for name, some in step.settings.items()}
    assert found | timeouts == found
    assert bool(found) is bool(timeouts)


@pytest.mark.parametrize(
    ("formation", "keys", "fast"),
    [
        ("instant", {}, ["node1", "node3", "node4", "node6"]),
        ("instant", {"replicas": 0}, []),  # no role changes
        ("instant", {"shards": 11}, []),  # its servers are busy enough
        ("redis-cli", {}, []),
    ],
)
def test_a_faster_cron(
    plan: Callable[..., Plan], formation: str, keys: dict[str, int], fast: list[str]
) -> None:
    """The user's own pace is kept, and a file that is included may set one."""
    made = plan("cluster", formation=formation, **keys)
    wanted = {node.name: {"port": ("1",)} for node in made.nodes}
    wanted |= {"node2": {"hz": ("50",)}, "node5": {"include": ("more.conf",)}}
    assert faster_cron(made, wanted) == {name: {"hz": "19"} for name in fast}
