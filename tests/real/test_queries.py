"""A query never writes: the state folder is as it was, to the byte and the nanosecond."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
import pytest
from support.engines import BUNDLED
from support.forms import spread
from support.judge import roles
from support.project import Project
from support.waiting import until

QUERIES = (
    ("status",),
    ("verify", "--timeout", "1s"),
    ("verify", "--no-write", "--timeout", "1s"),
    ("logs",),
    ("logs", "node1", "--tail", "3"),
    ("ps",),
    ("plan",),
    ("up", "--dry-run"),
    ("doctor",),
    ("wait", "--timeout", "1s"),
    ("wait", "--for", "replicated", "--timeout", "1s"),
    ("call", "PING"),
    ("secret", "show"),
    ("bundle", "--out", "bundle.tar.gz"),
)


def _told(root: Path) -> dict[str, tuple[int, int, int, str]]:
    """Path -> its mode, inode, time of change and content, of all that lies below."""
    found = {}
    for path in sorted((root, *root.rglob("*"))):
        at = path.lstat()
        text = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(root))] = (at.st_mode, at.st_ino, at.st_mtime_ns, text)
    return found


def _copies(server: psutil.Process) -> bool:
    """Whether a server has a child, which writes a snapshot."""
    return bool(server.children())


def _unchanged(project: Project, queries: Iterable[tuple[str, ...]] = QUERIES) -> None:
    """No query changes anything; servers write nothing by themselves in the meantime."""
    state = project.root / ".redistopo"
    # Redis 8.10 logs the end of a replica's first copy when the replica is in sync already
    until(lambda: not any(map(_copies, project.servers())))
    until(lambda: _told(state) == _told(state))
    for words in queries:
        before = _told(state)
        done = project.run(*words)
        after = _told(state)
        apart = {name for name in before | after if before.get(name) != after.get(name)}
        assert not apart, f"{words} changed {sorted(apart)}: {done}"
        (project.root / "bundle.tar.gz").unlink(missing_ok=True)


@pytest.mark.parametrize("shape", spread(["cluster", "replication", "sentinel"], 2))
def test_a_query_leaves_a_healthy_topology_as_it_is(project: Project, shape: str) -> None:
    project.init(shape, "--persistence", "none", engine=BUNDLED.path)
    project.up()
    _unchanged(project)


def test_a_query_leaves_a_promotion_and_an_unmarked_server_to_the_next_change(
    project: Project,
) -> None:
    """Queries see both; `stop` records the new primary, and marks the server. So do
    `verify` and `doctor`, which write keys to prove the topology, but not with --no-write."""
    project.init("replication", "--persistence", "none", engine=BUNDLED.path)
    project.up()
    first, second, third = project.ports
    for port, words in ((second, ("NO", "ONE")), (first, ("127.0.0.1", second)),
                        (third, ("127.0.0.1", second))):  # fmt: skip
        with project.client(port) as node:
            node.execute_command("REPLICAOF", *words)
    for port in (first, third):
        with project.client(port) as node:
            until(lambda node=node: node.info("replication")["master_link_status"] == "up")
    mark, state = project.folder(1) / "process.json", project.root / ".redistopo" / "record.json"
    pid = project.pid(1)
    mark.unlink()
    proving = (("verify", "--timeout", "1s"), ("doctor",))
    _unchanged(project, (words for words in QUERIES if words not in proving))
    assert not mark.exists()
    assert json.loads(state.read_text())["primary"] == "node1"
    lines = {one["name"]: one for one in project.run("status", "--json").json["result"]["nodes"]}
    assert (lines["node1"]["pid"], lines["node1"]["role"]) == (pid, "replica")
    assert lines["node2"]["role"] == "primary"
    project.run("stop", "node3", check=0)
    assert json.loads(mark.read_text())["pid"] == pid
    assert json.loads(state.read_text())["primary"] == "node2"
    project.crash()
    project.up()
    assert roles(project.ports, project.password)[second] == "master"


def test_a_query_leaves_a_stopped_topology_as_it_is(projects: Callable[[str], Project]) -> None:
    stopped, fresh = projects("stopped"), projects("fresh")
    for one in (stopped, fresh):
        one.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    stopped.up()
    stopped.run("down", check=0)
    _unchanged(stopped)
    for words in QUERIES:
        fresh.run(*words)
        assert not (fresh.root / ".redistopo").exists(), words
