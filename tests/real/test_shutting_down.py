"""Servers that are about to end: `up` while SHUTDOWN waits, and the pace of a large cluster."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from redis.exceptions import RedisError
from support.engines import BUNDLED
from support.forms import spread
from support.project import Project
from support.waiting import until

from redistopo.client.observe import observe
from redistopo.client.target import Detail
from redistopo.execute.slower_cron import slower_cron
from redistopo.model.topology.spec import Shape
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest


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


def test_what_is_left_of_a_large_cluster_gets_its_pace_back(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    with open_session(SessionRequest(root=project.root)) as session:
        names = [one.name for one in session.targets]
        seen = observe(Shape.REPLICATION, session.targets, session.client, Detail.HEALTH)
        with slower_cron(session.client, seen, names) as left:
            assert left == set()
            assert _hz(project) == ["10"] * 6
        monkeypatch.setattr("redistopo.execute.slower_cron.LARGE", 6)
        with slower_cron(session.client, seen, names) as left:
            assert _hz(project) == ["1"] * 6
            left.remove("node1")
    assert _hz(project) == ["1", *["10"] * 5]
    # as after a `down` that was killed, whose last servers go on
    steps = project.run("up", "--dry-run", "--json", check=0).json["result"]["steps"]
    told = [(one["do"], one["nodes"]) for one in steps]
    assert told == [("write", ["node1"]), ("correct", ["node1"])]
    project.run("up", check=0)
    assert _hz(project) == ["10"] * 6
    assert "nothing to do" in project.run("up", check=0).out
    # what a first `up` sets until all agree, but that is over: it is the user's
    with project.client(project.ports[1]) as node:
        node.config_set("hz", 19)
    assert "nothing to do" in project.run("up", check=0).out
    assert _hz(project) == ["10", "19", *["10"] * 4]


def _hz(project: Project) -> list[str]:
    found = []
    for port in project.ports:
        with project.client(port) as node:
            found.append(node.config_get("hz")["hz"])
    return found
