"""What is added to an error of a topology that did not become healthy in time."""

from collections.abc import Callable

import pytest
from support.bench import bench_for

from redistopo.errors import TimedOut
from redistopo.host.local_host import LOCAL
from redistopo.model.planning.plan import Plan
from redistopo.session.diagnosis import explaining


@pytest.mark.parametrize(("seconds", "slow"), [(0.004, False), (2.5, True)])
def test_a_slow_disk_is_named_where_servers_wait_for_it(
    plan: Callable[..., Plan], seconds: float, slow: bool
) -> None:
    bench = bench_for(plan("replication"))
    bench.host.files.sync = seconds
    with pytest.raises(TimedOut) as error, explaining(bench.context):
        raise TimedOut("node1 not ready after 60 s", detail="no reply yet", hint="its log")
    assert ("takes 2.5 s" in error.value.detail) is slow
    assert error.value.hint.startswith("redistopo up --timeout ") is slow
    assert "its log" in error.value.hint


def test_the_disk_of_this_machine_is_measured_by_a_synced_write(
    plan: Callable[..., Plan],
) -> None:
    folder = plan("replication").layout.root
    assert LOCAL.files.sync_seconds(folder / "missing") == 0
    folder.mkdir(parents=True, exist_ok=True)
    assert 0 < LOCAL.files.sync_seconds(folder) < 60
    assert not list(folder.iterdir())
