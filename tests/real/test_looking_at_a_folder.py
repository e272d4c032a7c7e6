"""Every verb that reads, in a folder prepared by somebody else: nothing happens but an answer."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.hostile import Hostile, hostile, replication
from support.planted import looked_at
from support.project import Project
from support.strangers import stranger

from redistopo.host.server_process import boot_id, started_at

READING = (
    ("status",), ("plan",), ("verify", "--timeout", "0"), ("connect",), ("logs",), ("ps",),
    ("up", "--dry-run"), ("doctor", "--no-write"), ("down", "--dry-run"), ("stop", "--dry-run"),
    ("call", "PING"), ("secret", "show"), ("wait", "--timeout", "0"),
)  # fmt: skip


@pytest.fixture
def decoy() -> Iterator[Hostile]:
    """A server that the folder claims to be its own."""
    with hostile(replication("role:master")) as server:
        yield server


def _prepare(project: Project, port: int, pid: int) -> Path:
    """The folder says that its node is formed and runs: as that process, at that port."""
    project.run("init", "standalone", "--port", str(port), "--engine", "./evil.sh", check=0)
    trusted = Path(project.environment()["XDG_STATE_HOME"]) / "redistopo" / "trusted"
    for path in trusted.glob("*"):  # the user of this test never named the program
        path.unlink()
    (project.root / "evil.sh").write_text("#!/bin/sh\ntouch ran\n")
    (project.root / "evil.sh").chmod(0o755)
    state = project.root / ".redistopo"
    node = state / "nodes" / "node1"
    node.mkdir(parents=True, mode=0o700)
    (state / "MARKER").write_text("ours")
    (state / "password").write_text("secret\n")
    conf = (
        f"bind 127.0.0.1\nport {port}\nrequirepass secret\ndir {node}\nlogfile {node}/redis.log\n"
    )
    (node / "redis.conf").write_text(conf)
    mark = {
        "node": "node1", "pid": pid, "started": started_at(pid), "boot": boot_id(),
        "executable": "./evil.sh", "config": str(node / "redis.conf"), "launching": False,
    }  # fmt: skip
    (node / "process.json").write_text(json.dumps(mark))
    (state / "record.json").write_text(
        json.dumps(
            {
                "id": "0" * 16, "name": "project", "shape": "standalone", "created": "2026-01-01",
                "formed": True, "nodes": [{"name": "node1", "host": "127.0.0.1", "port": port}],
            }
        )
    )  # fmt: skip
    return project.root


def _seen(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(root)): (path.stat().st_mode, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.fault(
    "a folder that was cloned claims another program's process and port as its node",
    "verbs that read run, signal, write and connect to nothing",
)
def test_reading_verbs_run_signal_write_and_connect_to_nothing(
    project: Project, decoy: Hostile
) -> None:
    with stranger() as process:
        root = _prepare(project, decoy.port, process.pid)
        before = _seen(root)
        for words in READING:
            looked_at(project, *words)
            assert decoy.seen == [], words
            assert not (root / "ran").exists(), words
            assert process.status() != "stopped", words
            assert _seen(root) == before, words
