"""How long `up` waits until servers agree."""

from collections.abc import Callable
from typing import Any

import pytest
from support.bench import bench_for

from redistopo.host.polling import Deadline
from redistopo.model.planning.plan import Plan
from redistopo.session.health import LINKS_TO, wait_until_healthy


@pytest.mark.parametrize(("hosts", "healthy"), [(True, True), (False, False)])
def test_servers_on_hosts_get_time_to_agree_after_slow_runs_of_ansible(
    plan: Callable[..., Plan], scene: Callable[[str, str], Any], *, hosts: bool, healthy: bool
) -> None:
    """The time was over before they were started."""
    well = scene("redis-7.0", "cluster")
    shown = [well.cluster("node1", cluster_state="fail").seen] * 2

    def observe() -> Any:
        return shown.pop() if shown else well.seen

    bench = bench_for(plan("cluster"))
    bench.host.least_wait = 15.0 if hosts else 0.0
    context = bench.context
    verdict = wait_until_healthy(observe, well.expected, Deadline(0), context)
    assert verdict.healthy is healthy


@pytest.mark.parametrize(
    ("changes", "to", "healthy"),
    [
        ({("node2", "node1"): {"linked": False}}, ["node1"], True),
        ({("node2", "node1"): {"linked": False}}, [], False),
        # a link to another node, at the same one and at one that lacks both
        ({("node2", "node3"): {"linked": False}}, ["node1"], False),
        (
            {("node2", "node1"): {"linked": False}, ("node2", "node3"): {"linked": False}},
            ["node1"],
            False,
        ),
        # the node itself doesn't reach the others
        ({("node1", "node2"): {"linked": False}}, ["node1"], False),
        # another fault at that node
        ({("node2", "node1"): {"linked": False, "flags": frozenset({"fail"})}}, ["node1"], False),
    ],
)
def test_links_to_a_node_that_has_just_started_may_be_missing(
    scene: Callable[[str, str], Any], changes: dict[Any, Any], to: list[str], *, healthy: bool
) -> None:
    shown = scene("redis-7.0", "cluster")
    for (name, about), fields in changes.items():
        shown = shown.member(name, about, **fields)
    known = frozenset((LINKS_TO, name) for name in to)
    verdict = wait_until_healthy(lambda: shown.seen, shown.expected, Deadline(0), known=known)
    assert verdict.healthy is healthy


def test_a_node_that_has_just_started_must_reply(scene: Callable[[str, str], Any]) -> None:
    shown = scene("redis-7.0", "cluster").member("node2", "node1", linked=False).down("node1")
    known = frozenset([(LINKS_TO, "node1")])
    assert not wait_until_healthy(
        lambda: shown.seen, shown.expected, Deadline(0), known=known
    ).healthy
