"""redistopo ends by SIGKILL in the midst of `reset`: before the handover, in it, after the reset,
before the others forget the node."""

from collections.abc import Iterator
from contextlib import closing

import pytest
import redis
from support.engines import BUNDLED
from support.forms import spread
from support.judge import roles
from support.mortal import Nursery, nursery
from support.project import Project


@pytest.fixture
def mortal() -> Iterator[Nursery]:
    with nursery() as made:
        yield made


@pytest.mark.fault(
    "redistopo is killed at any point of `reset --hard` of a primary",
    "no data is lost; the next `up`, or a second `reset` and then `up`, finishes healthy",
)
def test_reset(project: Project, mortal: Nursery) -> None:
    words = ("--formation", "instant", "--node-timeout", "1000", "--shards", "1")
    project.init("cluster", *words, engine=BUNDLED.path)
    project.up()
    with closing(redis.RedisCluster("127.0.0.1", project.port, password=project.password)) as one:
        one.set("kept", "yes")

    def led_by_node1() -> None:
        if roles(project.ports, project.password)[project.port] != "master":
            project.run("failover", "node1", check=0)

    passed = mortal.run("reset", project.root)
    assert passed.boundaries[-1] == "done: remove stale node ids from node2"
    count = len(passed.boundaries)
    assert count > 4
    project.up()
    for turn, n in enumerate(spread(range(1, count + 1), 3)):
        led_by_node1()
        assert mortal.run("reset", project.root, end_at=n).code in (0, -9)
        if turn % 2:
            again = mortal.run("reset", project.root)
            assert again.code == 0, (n, passed.boundaries[n - 1], again)
        up = mortal.run("up", project.root)
        assert up.code == 0, (n, passed.boundaries[n - 1], up)
        assert project.faults() == []
        for port in project.ports:
            with project.client(port) as node:
                node.execute_command("READONLY")
                assert node.get("kept") == "yes"
