"""How long `up` waits until servers agree."""

from collections.abc import Callable
from typing import Any

import pytest
from support.bench import bench_for

from redistopo.host.polling import Deadline
from redistopo.model.planning.plan import Plan
from redistopo.session.health import wait_until_healthy


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
