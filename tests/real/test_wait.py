"""`wait`: until somebody's topology is there, or the deadline is over, and never longer."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psutil
from support.byhand import ByHand, listening
from support.engines import BUNDLED
from support.judge import client
from support.project import Done, Project
from support.terminal import Terminal
from support.waiting import until


@contextmanager
def _waiting(project: Project, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`wait` in the background; it doesn't outlive the block."""
    process = project.begin("wait", *words)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _ended(process: subprocess.Popen[str], seconds: float = 20) -> Done:
    out, err = process.communicate(timeout=seconds)
    return Done(process.returncode, out, err)


def _still_waits(process: subprocess.Popen[str], seconds: float = 0.4) -> bool:
    """Whether it goes on waiting for so long."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _missing(done: Done) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = done.json["result"]["missing"]
    return found


def test_it_ends_when_anothers_up_has_made_it_healthy(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    with _waiting(project, "--timeout", "60s", "--json") as process:
        project.up()
        done = _ended(process)
    assert done.code == 0, done
    assert project.faults(cluster=False) == []
    assert done.json["result"]["nodes"] == 3
    assert project.password not in done.out + done.err


def test_a_cluster_that_is_being_made(project: Project) -> None:
    project.init("cluster", "--node-timeout", "1000", "--formation", "instant", engine=BUNDLED.path)
    long = ("--timeout", "60s", "--for")
    with (
        _waiting(project, *long, "started") as started,
        _waiting(project, *long, "replicated") as replicated,
        _waiting(project, *long, "healthy") as healthy,
    ):
        project.up()
        assert _ended(started).out.startswith("Started  ")
        assert "had offset" in _ended(replicated).out
        assert _ended(healthy).out.startswith("Healthy  ")
    assert project.faults() == []
    with project.client() as node:
        assert node.dbsize() == 0


def test_nothing_is_there_and_nobody_comes(project: Project) -> None:
    assert project.run("wait", check=2).err.startswith("Error: there is no redistopo.toml")
    project.init("standalone", engine=BUNDLED.path)
    began = time.monotonic()
    done = project.run("wait", "--timeout", "700ms", check=3)
    assert 0.7 <= time.monotonic() - began < 5
    assert "nothing was started" in done.out
    assert "redistopo up" in done.out
    assert project.run("wait", "--timeout", "0", "--quiet", check=3).out == ""
    project.up()
    assert project.run("wait", "--timeout", "0", check=0).out.startswith("Healthy  ")
    project.run("down", check=0)
    told = _missing(project.run("wait", "--timeout", "0", "--json", check=3))
    first = told[0]
    assert (first["check"], first["subject"], first["hint"]) == (
        "node.alive", "node1", "redistopo up",
    )  # fmt: skip


def test_a_dead_node_is_waited_for_and_named_until_it_is_back(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    psutil.Process(project.pid(3)).kill()
    done = project.run("wait", "--for", "replicated", "--timeout", "300ms", check=3)
    assert "missing node.alive node3" in done.out
    with _waiting(project, "--timeout", "60s") as process:
        assert _still_waits(process)
        project.up()
        assert _ended(process).code == 0


def test_a_stopped_node_holds_up_nobody_elses_deadline(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    frozen = psutil.Process(project.pid(2))
    project.env["REDISTOPO_PASSWORD"] = project.password
    frozen.suspend()
    for where in ((), ("--connect", f"127.0.0.1:{project.port}")):
        began = time.monotonic()
        done = project.run("wait", "--for", "started", "--timeout", "500ms", *where, check=3)
        assert time.monotonic() - began < 5
        assert "missing node.alive" in done.out
        with _waiting(project, "--for", "started", "--timeout", "30s", *where) as process:
            assert _still_waits(process)
            frozen.resume()
            assert _ended(process).code == 0
        frozen.suspend()
    frozen.resume()


def test_what_was_written_before_is_on_every_replica(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    frozen = psutil.Process(project.pid(3))
    frozen.suspend()
    with project.client() as node:
        node.set("written", "x" * 100_000)
        offset = node.info("replication")["master_repl_offset"]
    with _waiting(project, "--for", "replicated", "--timeout", "30s", "--json") as process:
        assert _still_waits(process)
        frozen.resume()
        done = _ended(process)
    assert done.code == 0, done
    assert done.json["result"]["offsets"]["node1"] >= offset
    for port in project.ports[1:]:
        with project.client(port) as node:
            assert node.exists("written")


def test_a_server_by_hand_that_isnt_there_yet(project: Project, by_hand: ByHand) -> None:
    at = f"127.0.0.1:{project.port}"
    nobody = project.run("wait", "--connect", at, "--timeout", "0", check=3)
    assert "doesn't reply" in nobody.out
    with _waiting(project, "--connect", at, "--timeout", "20s") as process:
        assert _still_waits(process)
        by_hand.start(project.port)
        done = _ended(process)
    assert done.code == 0, done
    assert "standalone of 1 node" in done.out
    by_hand.start(project.port + 1, "--replicaof", "127.0.0.1", str(project.port))
    listening(project.port + 1)
    replica = f"127.0.0.1:{project.port + 1}"
    done = project.run("wait", "--for", "replicated", "--connect", replica, "--json", check=0)
    assert done.json["result"]["shape"] == "replication"
    with closing(client(project.port + 1)) as node:
        assert node.info("replication")["master_link_status"] == "up"


def test_a_cluster_by_hand_that_grows_meanwhile(project: Project, by_hand: ByHand) -> None:
    project.size = 3
    at = f"127.0.0.1:{project.port + 2}"
    with _waiting(project, "--connect", at, "--timeout", "30s", "--json") as process:
        by_hand.cluster(project.port, 3)
        done = _ended(process, seconds=40)
    assert done.code == 0, done
    assert done.json["result"]["nodes"] == 3
    assert project.faults() == []


def test_a_wrong_password_is_told_at_once(project: Project, by_hand: ByHand) -> None:
    at = ("wait", "--connect", f"127.0.0.1:{project.port}", "--timeout", "30s")
    by_hand.start(project.port, "--requirepass", "right")
    began = time.monotonic()
    assert "REDISTOPO_PASSWORD" in project.run(*at, check=1).err
    project.env["REDISTOPO_PASSWORD"] = "wrong"
    assert "password" in project.run(*at, check=1).err
    assert time.monotonic() - began < 15
    project.env["REDISTOPO_PASSWORD"] = "right"
    project.run(*at, check=0)
    assert "--connect" in project.run("wait", "--user", "x", check=2).err


def test_it_can_be_interrupted(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    terminal = Terminal(project, "wait", "--timeout", "60s")
    until(lambda: "wait until project is healthy" in terminal.read())
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "interrupted" in terminal.read()
