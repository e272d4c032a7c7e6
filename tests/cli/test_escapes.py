"""Escape sequences from servers, files and paths are shown, and never obeyed by the terminal."""

import fcntl
import json
from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.hostile import Words, hostile
from support.project import Project

CLEAR = "\x1b[2J\x1b[1;1H"
SHOWN = "\\x1b[2J\\x1b[1;1H"


def _hostile_reply(_words: Words) -> bytes:
    return f"-ERR {CLEAR}All healthy\r\n".encode()


@pytest.mark.fault(
    "a server's error, a path, the lock or the registry contains escape sequences",
    "they are printed as text (`\\x1b`), and never reach the terminal",
)
def test_escape_sequences_from_anywhere_are_printed_as_text(
    project: Project, own_world: Path
) -> None:
    with hostile(_hostile_reply) as server:
        for words in (("verify", "--timeout", "0"), ("wait", "--timeout", "0")):
            done = project.run(*words, "--connect", f"127.0.0.1:{server.port}")
            assert SHOWN in done.out + done.err, done
            assert "\x1b" not in done.out + done.err
    project.root = project.root / f"a{CLEAR}b"
    project.root.mkdir()
    project.init("standalone", engine=BUNDLED.path)
    state = project.root / ".redistopo"
    state.mkdir(mode=0o700)
    (state / "MARKER").write_text("ours")
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(json.dumps({"verb": f"up{CLEAR}", "pid": 1}))
        lock.flush()
        held = project.run("up", "--timeout", "300ms", check=1)
    told = [held, project.run("plan"), project.run("status"), project.run("doctor")]
    folder = own_world / "redistopo" / "topologies"
    folder.mkdir(parents=True, mode=0o700)
    entry = {
        "id": "0" * 16,
        "name": "fine",
        "shape": "cluster",
        "root": str(project.root),
        "ports": [],
    }
    (folder / "one.json").write_text(json.dumps(entry))
    (folder / "two.json").write_text(json.dumps({**entry, "name": f"two{CLEAR}\nthree"}))
    listed = project.run("ps", check=0)
    assert SHOWN in listed.out
    assert "three" not in listed.out
    for done in (*told, listed):
        assert "\x1b" not in done.out + done.err
    assert SHOWN in held.err
