"""`events` and `watch` in a pipe: what is done to real servers is told, once and in time."""

import signal
import subprocess
import time
from datetime import UTC, datetime

import psutil
import pytest
from support.engines import BUNDLED, ENGINES
from support.forked import FORKER
from support.project import Project
from support.telling import Telling
from support.waiting import until

_FAST = ("--node-timeout", "1000", "--formation", "instant")


def _kinds(stream: Telling, node: str) -> list[str]:
    return [one["kind"] for one in stream.told if one["node"] == node]


def _leads(told: dict[str, str]) -> bool:
    """Whether the line says that its node is a primary, since now or at the first snapshot."""
    return "primary, slots" in told["words"] or told["words"].startswith("primary, was")


def test_a_failover_from_before_up_to_after_down(project: Project) -> None:
    project.init("cluster", *_FAST, engine=BUNDLED.path)
    with Telling(project, "events", "--json") as stream:
        assert stream.await_told(kind="waiting")["hint"] == "start it: redistopo up"
        project.up()
        until(lambda: any(_leads(one) for one in stream.told if one["node"] == "node1"))
        killed = datetime.now(UTC)
        psutil.Process(project.pid(1)).kill()
        role = stream.await_told(node="node4", kind="role", now="primary")
        leads = stream.await_told(node="node4", kind="primary", was="node1")
        project.up()
        back = stream.await_told(node="node1", kind="role", now="replica")
        project.run("down", "--wipe", "--yes", check=0)
        stream.await_told(node="node6", kind="left")
        assert stream.end() == 130
    assert stream.said == ""
    gone = next(
        one
        for one in stream.told
        if one["kind"] == "gone" and datetime.fromisoformat(one["at"]) > killed
    )
    assert gone["node"] == "node1"
    moments = [datetime.fromisoformat(one["at"]) for one in (gone, role, leads, back)]
    assert moments == sorted(moments)
    assert {"pfail", "fail"} & set(_kinds(stream, "node1"))
    assert leads["words"] == "is primary of slots 0-5460, was node1"


@pytest.mark.parametrize("engine", [min(ENGINES), max(ENGINES)])
def test_a_replica_dies_and_comes_back(project: Project, engine: str) -> None:
    project.init("replication", "--replicas", "1", engine=ENGINES[engine].path)
    project.up()
    with Telling(project, "events", "--json") as stream:
        until(lambda: len(stream.lines) == 2)
        assert [(one["kind"], one["words"]) for one in stream.told] == [
            ("now", "primary"),
            ("now", "replica of node1, link up"),
        ]
        psutil.Process(project.pid(2)).kill()
        stream.await_told(node="node2", kind="gone")
        project.up()
        assert "replica of node1" in stream.await_told(node="node2", kind="back")["words"]
        with project.client(project.ports[1]) as node:
            node.execute_command("REPLICAOF", "NO", "ONE")
        told = stream.await_told(node="node2", kind="role")
    assert (told["was"], told["now"]) == ("replica", "primary")


def test_a_frozen_stranger_holds_up_nobody(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    project.env["REDISTOPO_PASSWORD"] = project.password
    frozen, victim = psutil.Process(project.pid(2)), psutil.Process(project.pid(3))
    first, second, third = (f"127.0.0.1:{port}" for port in project.ports)
    with Telling(project, "events", "--json", "--connect", second) as stream:
        stream.await_told(node=first, kind="now")
        stream.await_told(node=third, kind="now")
        frozen.suspend()
        stream.await_told(node=second, kind="silent")
        victim.kill()
        began = time.monotonic()
        stream.await_told(node=third, kind="gone")
        assert time.monotonic() - began < 5
        frozen.resume()
        back = stream.await_told(node=second, kind="back")
        assert "silent; replica of" in back["words"]
    assert _kinds(stream, second)[:2] == ["now", "silent"]


def test_it_ends_by_itself_after_a_time_or_a_count(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    began = time.monotonic()
    done = project.run("events", "--for", "800ms", check=0)
    assert time.monotonic() - began > 0.8
    assert [line.split()[1:3] for line in done.out.splitlines()] == [["node1", "now"]]
    with Telling(project, "events", "--count", "1") as stream:
        until(lambda: len(stream.lines) == 1)
        frozen = psutil.Process(project.pid(1))
        frozen.suspend()
        until(lambda: stream.process.poll() is not None)
        frozen.resume()
        assert stream.end() == 0
    assert [line.split()[2] for line in stream.lines] == ["now", "paused"]


def test_a_reader_that_goes_away_and_a_wrong_address(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    said = subprocess.run(
        ["sh", "-c", f"{FORKER.put_into(project.root)} events --for 1s | head -1"],
        capture_output=True, text=True, cwd=project.root, check=False, timeout=60,
    )  # fmt: skip
    assert (said.stdout.count("\n"), said.stderr) == (1, "")
    assert "is not an address" in project.run("events", "--connect", "nonsense", check=2).err
    at = f"127.0.0.1:{project.port}"
    assert "REDISTOPO_PASSWORD" in project.run("events", "--connect", at, check=1).err
    assert project.run("watch", "--dir", "nowhere", check=2).err.startswith("Error: ")


def test_watch_in_a_pipe_prints_lines_and_a_summary_after_each_change(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    with Telling(project, "watch", "--interval", "300ms") as stream:
        project.up()
        until(lambda: any("3 nodes: 3 ok;" in line for line in stream.lines))
        psutil.Process(project.pid(3)).kill()
        until(lambda: any("3 nodes: 2 ok, 1 stopped;" in line for line in stream.lines))
        assert stream.end(signal.SIGTERM) == 130
    assert "\x1b" not in "".join(stream.lines)
    assert any(line.split()[1:3] == ["node3", "gone"] for line in stream.lines)


def test_a_promotion_that_it_saw_is_known_to_the_next_up(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    with Telling(project, "events", "--json") as stream:
        until(lambda: len(stream.lines) == 2)
        psutil.Process(project.pid(1)).kill()
        stream.await_told(node="node1", kind="gone")
        with project.client(project.ports[1]) as node:
            node.execute_command("REPLICAOF", "NO", "ONE")
            node.set("newer", "yes")
        stream.await_told(node="node2", kind="primary", was="node1")
    psutil.Process(project.pid(2)).kill()
    until(lambda: not project.servers())
    project.up()
    with project.client(project.ports[1]) as node:
        assert (node.info("replication")["role"], node.get("newer")) == ("master", "yes")
