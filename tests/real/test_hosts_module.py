"""Our Ansible module does what a controller asks of a host, with real servers and files."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from support import judge
from support.project import Project
from support.waiting import until

from redistopo.host.fleet.encoding import AT

_RUN = """
import json, runpy, sys
import ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[1] + "/module_utils")
module = runpy.run_path(sys.argv[1] + "/library/redistopo_host.py")
print(json.dumps(module["perform"](json.load(sys.stdin))))
"""


def perform(*ops: dict[str, Any]) -> list[Any]:
    """The results of the operations, performed by a process of their own, as on a host."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, AT],
        input=json.dumps(ops), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found: list[Any] = json.loads(done.stdout)
    return found


def _start(root: Path, port: int) -> dict[str, Any]:
    folder = root / "nodes" / "node1"
    folder.mkdir(parents=True)
    conf = folder / "redis.conf"
    conf.write_text(f"bind 127.0.0.1\nport {port}\ndir {folder}\nsave ''\n")
    return {
        "op": "start",
        "node": "node1",
        "folder": str(folder),
        "log": str(folder / "redis.log"),
        "argv": ["redis-server", str(conf)],
        "note": "# mark",
        "watch": 0.2,
    }


def _look(root: Path, port: int) -> dict[str, Any]:
    return {"op": "look", "base": str(root), "nodes": {"node1": [["127.0.0.1", port]]}}


def test_a_server_is_started_once_seen_and_ended(tmp_path: Path, project: Project) -> None:
    start = _start(tmp_path, project.port)
    one, two, seen = perform(start, start, _look(tmp_path, project.port))
    try:
        with judge.client(project.port) as node:
            assert node.info()["process_id"] == one["pid"] == two["pid"]
        found = seen["nodes"]["node1"]
        assert found["process"]["pid"] == one["pid"]
        assert found["process"]["paused"] is False
        assert set(found["files"]) == {"redis.conf", "redis.log", "process.json"}
        mark = {name: one[name] for name in ("pid", "started", "boot")}
        pause = {"op": "signal", "number": int(signal.SIGSTOP), **mark}
        (_, paused) = perform(pause, _look(tmp_path, project.port))
        assert paused["nodes"]["node1"]["process"]["paused"] is True
        another = {**mark, "started": mark["started"] + 1}
        kill = {"op": "signal", "number": int(signal.SIGKILL)}
        perform({**kill, **another})
        assert psutil.pid_exists(one["pid"])
        wait = {"op": "await", "seconds": 5, "processes": [tuple(mark.values())]}
        assert perform({**kill, **mark}, wait)[1] == {"left": []}
        assert perform(_look(tmp_path, project.port))[0]["nodes"]["node1"]["process"] is None
    finally:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(one["pid"]).kill()
        until(lambda: not psutil.pid_exists(one["pid"]))


def test_a_server_that_ends_at_once_is_reported(tmp_path: Path, project: Project) -> None:
    start = _start(tmp_path, project.port)
    Path(start["argv"][1]).write_text("no-such-directive yes\n")
    start["watch"] = 5
    found, seen = perform(start, _look(tmp_path, project.port))
    assert found["exit"] == 1
    assert seen["nodes"]["node1"]["process"] is None


def test_a_port_of_another_program_is_named(tmp_path: Path, project: Project) -> None:
    with socket.create_server(("127.0.0.1", project.port)):
        (seen,) = perform(_look(tmp_path, project.port))
    me = psutil.Process()
    assert seen["nodes"]["node1"]["taken"] == {str(project.port): f"{me.name()} (pid {me.pid})"}


def test_only_our_folder_is_claimed_locked_and_removed(tmp_path: Path) -> None:
    base = tmp_path / "base"
    claim = {"op": "claim", "base": str(base), "id": "one"}
    lock = {"op": "lock", "base": str(base), "token": "a", "once": "1", "who": "alice"}
    assert perform(claim, lock, lock) == [{}, {}, {}]
    assert (base / "MARKER").read_text() == "one\n"
    assert base.stat().st_mode & 0o777 == 0o700
    other = {**lock, "token": "b", "who": "bob"}
    (held,) = perform(other)
    assert (held["refused"], held["who"]) == ("locked", "alice")
    perform({"op": "unlock", "base": str(base), "once": "another"})
    assert perform(other)[0]["refused"] == "locked"
    perform({"op": "unlock", "base": str(base), "once": "1"})
    assert perform(other) == [{}]
    assert perform({**claim, "id": "two"})[0]["refused"] == "marker"
    if os.geteuid() == 0:
        os.chown(base, 12345, -1)
        assert perform(claim)[0] == {"refused": "owner", "base": str(base), "uid": 12345}
        os.chown(base, 0, -1)
        _below_another_users_folder(tmp_path / "theirs", claim)
    perform({"op": "wipe", "base": str(base), "id": "two", "token": "b"})
    assert (base / "MARKER").exists()
    wipe = {"op": "wipe", "base": str(base), "id": "one"}
    assert perform({**wipe, "token": "a"})[0]["refused"] == "locked"
    perform({**wipe, "token": "b"})
    assert not base.exists()
    base.mkdir()
    (base / "someone's").touch()
    assert perform(claim)[0]["refused"] == "foreign"


def _below_another_users_folder(theirs: Path, claim: dict[str, Any]) -> None:
    """A new folder there is refused: that user could replace it."""
    (theirs / "deep").mkdir(parents=True)
    os.chown(theirs, 12345, -1)
    below = {**claim, "base": str(theirs / "deep" / "base")}
    assert perform(below)[0] == {"refused": "owner", "base": str(theirs), "uid": 12345}
    assert list((theirs / "deep").iterdir()) == []


@pytest.mark.parametrize(
    ("mode", "group", "accepted"),
    [
        (0o777, 0, False),
        (0o1777, 0, True),  # as /tmp
        (0o775, 12345, False),
        (0o775, 0, True),
    ],
)
def test_a_folder_below_one_that_others_write_to_is_not_claimed(
    tmp_path: Path, mode: int, group: int, accepted: bool
) -> None:
    """Also behind a link: whoever may write there could replace the topology's folder."""
    if mode == 0o775 and os.geteuid() != 0:
        pytest.skip("takes root: another user may not give a folder to that group")
    (tmp_path / "open" / "deep").mkdir(parents=True)
    if mode == 0o775:
        os.chown(tmp_path / "open", -1, group)
    (tmp_path / "open").chmod(mode)
    (tmp_path / "link").symlink_to(tmp_path / "open" / "deep")
    refused = {"refused": "writable", "base": str(tmp_path / "open"), "mode": f"{mode:04o}"}
    for base in (tmp_path / "open" / "base", tmp_path / "link" / "base"):
        claim = {"op": "claim", "base": str(base), "id": "one"}
        assert perform(claim) == ([{}] if accepted else [refused])
        assert base.exists() is accepted


def test_what_a_server_puts_into_its_folder_leads_nowhere_else(tmp_path: Path) -> None:
    """A record of another process, pipes instead of files, and a link out of the folder."""
    folder = tmp_path / "nodes" / "node1"
    folder.mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.write_text("no server's")
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        started = Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()[19]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        mark = {"pid": stranger.pid, "started": float(started), "boot": boot}
        (folder / "process.json").write_text(json.dumps(mark))
        os.mkfifo(folder / "redis.log")
        (folder / "redis.conf").symlink_to(secret)
        stop = {"op": "stop", "folder": str(folder), "seconds": 1}
        log = {"op": "added", "logs": [[str(folder / "redis.log"), 0, 0]], "most": 9, "wait": 0}
        read = {"op": "read", "path": str(folder / "redis.conf"), "most": 99, "end": False}
        loose = {"may_fail": True}
        seen, stopped, *rest = perform(
            _look(tmp_path, 1), stop, {**log, **loose}, {**read, **loose}
        )
        assert seen["nodes"]["node1"]["process"] is None
        assert stopped == {"stopped": False}
        assert [one["refused"] for one in rest] == ["file", "file"]
        (folder / "process.json").unlink()
        os.mkfifo(folder / "process.json")
        assert perform(_look(tmp_path, 1))[0]["nodes"]["node1"]["process"] is None
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_files_are_written_whole_and_private_and_the_first_fault_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "nodes" / "node1" / "users.acl"
    write = {"op": "write", "path": str(path), "text": "user default off\n"}
    assert perform(write) == [{}]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["users.acl"]
    inside = {**write, "path": str(path / "inside")}
    (refused,) = perform(inside, {**write, "text": "changed"})
    assert refused["refused"] == "file"
    assert path.read_text() == "user default off\n"
