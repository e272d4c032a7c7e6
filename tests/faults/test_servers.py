"""Servers that die, freeze, or loop; machines that restart; clocks that jump."""

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.engines import BUNDLED
from support.judge import client, roles
from support.mortal import nursery
from support.project import Project
from support.waiting import until

KEPT = "{06S}kept"  # slot 0, on node1


def _cluster(project: Project, *words: str) -> set[tuple[str, str]]:
    """A cluster with a key; its nodes' ids and addresses."""
    project.init("cluster", "--formation", "instant", *words, engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set(KEPT, "yes")
    return _ids(project)


def _ids(project: Project) -> set[tuple[str, str]]:
    found = set()
    for port in project.ports:
        with project.client(port) as node:
            found.add((str(port), str(node.execute_command("CLUSTER MYID"))))
    return found


@pytest.mark.fault(
    "one node is killed (-9), or both nodes of a shard, or all",
    "`up` starts them again with the same ids, ports and data; running servers are not touched",
)
def test_killed_nodes(project: Project) -> None:
    ids = _cluster(project)
    for dying in ((5,), (1, 4), (1, 2, 3, 4, 5, 6)):
        project.crash(*dying)
        left = {process.pid for process in project.servers()}
        project.up()
        assert project.faults() == []
        assert left <= {process.pid for process in project.servers()}
        assert _ids(project) == ids
        with project.client() as node:
            assert node.get(KEPT) == "yes"


@pytest.mark.fault(
    "the machine reboots: all processes are gone, the boot id differs, pids belong to other "
    "processes",
    "`up` recovers with the same ids, ports and data; `down` touches no other process",
)
def test_a_reboot(project: Project) -> None:
    ids = _cluster(project)
    project.crash(1, 2, 3, 4, 5, 6)
    stranger = psutil.Popen(["sleep", "300"])
    try:
        for number in range(1, 7):
            path = project.folder(number) / "process.json"
            mark = json.loads(path.read_text())
            path.write_text(json.dumps({**mark, "pid": stranger.pid, "boot": "another"}))
        assert "Nothing was running" in project.run("down", check=0).out
        project.up()
        assert project.faults() == []
        assert _ids(project) == ids
        with project.client() as node:
            assert node.get(KEPT) == "yes"
        project.run("down", check=0)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.fault(
    "the wall clock jumps by an hour, forwards or back, at every reading",
    "no effect: deadlines, pids and waits use the monotonic clock",
)
@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_jumping_clock(project: Project, seconds: int) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    with nursery() as child:
        assert child.run("up", project.root, clock=seconds).code == 0
        assert project.faults(cluster=False) == []
        assert child.run("down", project.root, clock=seconds).code == 0
    assert project.servers() == []


@pytest.mark.fault(
    "a node is paused (SIGSTOP) during `verify`",
    "it is named; the findings for the other nodes are complete",
)
def test_a_node_that_freezes_during_verify(project: Project) -> None:
    _cluster(project)
    frozen = psutil.Process(project.pid(6))
    looking = project.begin("verify", "--json", "--timeout", "2s")
    assert looking.stderr is not None
    looking.stderr.readline()
    frozen.suspend()
    out, _err = looking.communicate(timeout=60)
    if looking.returncode == 0:  # it was faster than the signal
        out = project.run("verify", "--json", "--timeout", "1s", check=3).out
    findings = json.loads(out)["result"]["findings"]
    failed = {one["subject"] for one in findings if one["status"] == "fail"}
    assert "node6" in failed
    assert any(one["status"] == "ok" for one in findings)
    project.up()
    assert project.faults() == []


@contextlib.contextmanager
def _crowd(port: int, count: int) -> Iterator[None]:
    """So many idle clients at a port."""
    import socket

    with contextlib.ExitStack() as stack:
        for _one in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        yield


@pytest.mark.fault(
    "a node has reached `maxclients` during `verify`",
    "it is named, with the server's error and what to change; never healthy",
)
def test_a_node_without_room_for_a_client(project: Project) -> None:
    project.init("replication", "--replicas", "1", "--set", "maxclients=40", engine=BUNDLED.path)
    project.up()
    with _crowd(project.port, 45):
        done = project.run("verify", "--json", "--timeout", "1s", check=3)
        alive = [one for one in done.json["result"]["findings"] if one["check"] == "node.alive"]
        assert [(one["subject"], one["status"]) for one in alive] == [("node1", "fail")]
        assert "max number of clients" in alive[0]["evidence"]
        assert "maxclients" in alive[0]["hint"]
        assert "Traceback" not in done.err
    until(lambda: project.run("verify", "--timeout", "1s").code == 0)


@pytest.mark.fault(
    "a replica repeats full syncs, because its output buffer is too small for the load",
    "`verify` and `up` report the number of syncs and the setting; never healthy",
)
def test_a_replica_that_syncs_over_and_over(project: Project) -> None:
    project.init(
        "replication", "--replicas", "1", "--set", "repl-backlog-size=16kb",
        "--set", "client-output-buffer-limit=replica 300kb 300kb 1", engine=BUNDLED.path,
    )  # fmt: skip
    project.up()
    first, second = project.ports
    with project.client(first) as primary, project.client(second) as replica, _load(project):
        for number in range(300):
            primary.set(f"key:{number}", number)
        primary.config_set("rdb-key-save-delay", 3000)
        replica.execute_command("REPLICAOF", "NO", "ONE")
        done = primary.info("stats")["total_net_input_bytes"]
        until(lambda: primary.info("stats")["total_net_input_bytes"] > done + 10**6)
        replica.execute_command("REPLICAOF", "127.0.0.1", first)
        until(lambda: primary.info("stats")["sync_full"] > 8, what="full syncs")
        for words in (("verify", "--timeout", "1s"), ("up", "--timeout", "2s")):
            told = project.run(*words, check=3)
            assert "full syncs in" in told.out + told.err
            assert "client-output-buffer-limit" in told.out + told.err
        primary.config_set("rdb-key-save-delay", 0)
    project.up()
    assert project.faults(cluster=False) == []


@contextlib.contextmanager
def _load(project: Project) -> Iterator[None]:
    """Big writes without a pause but the server's own, until the end."""
    over = threading.Event()

    def write() -> None:
        with client(project.port, project.password) as node:
            while not over.is_set():
                node.set("big", "y" * 100_000)

    worker = threading.Thread(target=write)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


@pytest.mark.fault(
    "another process takes a port between the plan and the start",
    "the node and the process are named; the servers that were started are stopped again",
)
def test_a_stolen_port(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    with nursery() as child:
        done = child.run("up", project.root, steal=["start", project.port + 2])
        assert done.code == 4
        assert "node3 exited" in done.said
        assert f"port {project.port + 2} is in use by" in done.said
        assert project.servers() == []
        assert child.run("up", project.root).code == 0
    assert project.faults() == []


@pytest.mark.fault(
    "a replica is promoted after its primary failed, then all nodes are killed",
    "`up` starts each node in the role that the cluster gave it; acknowledged data is there",
)
def test_a_takeover_and_then_a_crash(project: Project) -> None:
    _cluster(project, "--node-timeout", "1000")
    project.crash(1)
    heir = project.port + 3
    until(lambda: _role(heir, project.password) == "master")
    until(lambda: project.client(heir).cluster("INFO")["cluster_state"] == "ok")
    with project.client(heir) as node:
        node.set(KEPT, "newer")
    project.crash(2, 3, 4, 5, 6)
    project.up()
    assert project.faults() == []
    assert roles(project.ports, project.password)[heir] == "master"
    with project.client(heir) as node:
        assert node.get(KEPT) == "newer"


def _role(port: int, password: str) -> str:
    with client(port, password) as node:
        return str(node.info("replication")["role"])


@pytest.mark.fault(
    "redistopo is killed after starting a server and before recording its pid",
    "`down` finds the server by its working directory, even before it has written its pidfile",
)
def test_a_server_without_a_recorded_pid(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    mark = project.folder(1) / "process.json"
    mark.write_text(json.dumps({**json.loads(mark.read_text()), "pid": 0, "launching": True}))
    (project.folder(1) / "redis.pid").unlink()
    # the same program under another name, at work in the same folder: a user mends a file
    os.mkfifo(project.root / "file")
    checker = subprocess.Popen(
        ["valkey-check-aof", str(project.root / "file")],
        executable=BUNDLED.path, cwd=project.folder(1), stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert checker.poll() is None
        assert "1 server stopped" in project.run("down", check=0).out
        assert [process.pid for process in project.servers()] == [checker.pid]
        assert checker.poll() is None
    finally:
        checker.kill()
        checker.wait()


@pytest.mark.fault(
    "a server refuses to shut down because it is writing its first append-only file",
    "`down` repeats the request until the server accepts it, and its data is saved",
)
def test_down_right_after_a_first_sync(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    with nursery() as child:
        for _round in range(8):
            assert child.run("up", project.root).code == 0
            done = child.run("down", project.root)
            # SIGTERM was needed or not; never the whole patience of 12 s
            assert done.code == 0
            assert _slowest(project.folder(2) / "redis.log") < 5
            child.run("wipe", project.root)


def _slowest(log: Path) -> float:
    """Seconds between a refused end and the next request to end, in a server's log."""
    from datetime import datetime

    times = [
        datetime.strptime(" ".join(line.split()[1:5]), "%d %b %Y %H:%M:%S.%f")
        for line in log.read_text().splitlines()
        if "User requested shutdown" in line
    ]
    return (times[-1] - times[0]).total_seconds() if times else 0.0
