"""`up` while a server is about to end, because SHUTDOWN waits for its replicas."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from redis.exceptions import RedisError
from support.engines import BUNDLED
from support.forms import spread
from support.project import Project
from support.waiting import until


@contextmanager
def _ending(project: Project) -> Iterator[None]:
    """node1 has a SHUTDOWN that waits for node2, which is paused."""

    def shut() -> None:
        with suppress(RedisError), project.client(project.port) as client:
            client.execute_command("SHUTDOWN")

    with project.client(project.port) as node:
        node.execute_command("CONFIG", "SET", "shutdown-timeout", "60")
        node.set("kept", "yes")
        order = threading.Thread(target=shut)
        order.start()
        until(lambda: "shutdown_in_milliseconds" in node.info("server"))
    yield
    order.join(10)
    assert not order.is_alive()


@pytest.mark.fault(
    "a shutdown of the primary waits for a paused replica when `up` is called",
    "`up` cancels the shutdown and resumes the replica; the primary was never away",
)
@pytest.mark.parametrize("shape", spread(["cluster", "replication", "sentinel"], 2))
def test_up_cancels_a_shutdown_that_waits(project: Project, shape: str) -> None:
    instant = ("--shards", "3") if shape == "cluster" else ()
    project.init(shape, *instant, engine=BUNDLED.path)
    project.up()
    replica = project.run("plan", "--json", check=0).json["result"]["plan"]["nodes"]
    follower = next(one["name"] for one in replica if one["follows"] == "node1")
    project.run("pause", follower, check=0)
    pid = project.pid(1)
    with _ending(project):
        planned = project.run("up", "--dry-run", "--json", check=0).json["result"]["steps"]
        assert [one["do"] for one in planned] == ["abort", "resume"]
        project.run("up", check=0)
    assert project.pid(1) == pid
    with project.client(project.port) as node:
        assert node.get("kept") == "yes"
