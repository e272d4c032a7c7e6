"""Servers that somebody starts by hand in a node's folder: found, and what they wrote counts."""

import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest
from support.byhand import listening
from support.engines import BUNDLED
from support.judge import client
from support.project import Project, processes_below
from support.waiting import until


@pytest.fixture
def stopped(project: Project) -> Iterator[Project]:
    """A replication with a key, stopped; nothing runs below its folder afterwards."""
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
        node.execute_command("WAIT", 1, 5000)
    project.run("down", check=0)
    yield project
    for process in processes_below(project.root):
        process.kill()


def _by_hand(project: Project, number: int, *words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [BUNDLED.path, *words], cwd=project.folder(number), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def test_up_starts_no_second_server_in_a_folder_where_a_users_own_runs(stopped: Project) -> None:
    port = stopped.port + 15
    mine = _by_hand(stopped, 1, "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes")
    listening(port)
    refused = stopped.run("up", check=1)
    assert f"pid {mine.pid} runs in the folder of node1" in refused.err, refused.err
    assert f"kill {mine.pid}, then redistopo up" in refused.err, refused.err
    assert [one.pid for one in processes_below(stopped.folder(1))] == [mine.pid]
    with closing(client(port)) as node:
        assert node.get("kept") == "yes"
        node.set("later", "yes")
    mine.terminate()
    mine.wait()
    stopped.up()
    with stopped.client() as node:
        assert (node.get("kept"), node.get("later")) == ("yes", "yes")


def test_what_a_replica_wrote_when_it_was_started_by_hand_is_not_overwritten(
    stopped: Project,
) -> None:
    port = stopped.port + 15
    mine = _by_hand(stopped, 2, "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes")
    listening(port)
    with closing(client(port)) as node:
        node.set("later", "yes")
    mine.terminate()
    mine.wait()
    until(lambda: not processes_below(stopped.root))
    refused = stopped.run("up", check=2)
    assert "node2 wrote data after node1" in refused.err
    stopped.up("--primary", "node2")
    with stopped.client() as node:
        assert (node.get("kept"), node.get("later")) == ("yes", "yes")
