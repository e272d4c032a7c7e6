"""The failure bundle: whole, private, and without a secret or data, whatever happened before."""

import json
import os
import signal
import stat
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent

from support.apart import apart
from support.engines import BUNDLED
from support.judge import client
from support.project import Project
from support.steps import reach

from redistopo.host.files import last_part

SECRET = 'it\'s "quoted" 100% sure, back\\slash\\\\x41 %41$HOME pässwörd-∎ +&=/?#'
DATA = "a-value-that-a-user-stored"


def _read(path: Path) -> dict[str, str]:
    """Member -> its text; each lies below one folder, and is a plain file."""
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert all(one.isfile() and ".." not in one.name for one in members)
        assert len({one.name.partition("/")[0] for one in members}) == 1
        found = {}
        for one in members:
            file = archive.extractfile(one)
            assert file is not None
            found[one.name.partition("/")[2]] = file.read().decode()
        return found


def _bundle(project: Project, *words: str | Path) -> dict[str, str]:
    done = project.run("bundle", "--json", *words, check=0)
    return _read(Path(done.json["result"]["path"]))


def _holds(members: dict[str, str], secret: str) -> list[str]:
    """Members that hold the secret, plain or as files, URLs and JSON write it."""
    written = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\' else
        f"\\{chr(byte)}" if chr(byte) in '"\\' else f"\\x{byte:02x}"
        for byte in secret.encode()
    )  # fmt: skip
    shapes = {
        secret,
        written,
        percent(secret, safe=""),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(written)[1:-1],
    }
    return [name for name, text in members.items() if any(one in text for one in shapes)]


def test_no_secret_and_no_data_after_a_good_up(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    path = project.root / "redistopo.toml"
    path.write_text(
        path.read_text()
        .replace('# password_file = ""', 'password_file = "its password"')
        .replace("[redis]", '[redis]\nuser = "reader on >of-another-user ~* +get"')
    )
    (project.root / "its password").write_text(f"{SECRET}\nof an older line\n")
    project.up()
    with client(project.port, SECRET) as node:
        node.set(DATA, DATA)
    members = _bundle(project)
    for gone in (SECRET, "of-another-user", DATA):
        assert _holds(members, gone) == []
    assert not [name for name in members if name.endswith((".rdb", ".aof", "password", ".acl"))]
    assert "> INFO everything" in members["nodes/node1/says-now.txt"]
    assert "redistopo can" not in members["reach.txt"]
    assert {one["status"] for one in json.loads(members["findings.json"])} <= {"ok", "skip", "warn"}
    assert json.loads(members["plan.json"])["steps"] == []
    assert json.loads(members["machine.json"])["limits"]["NOFILE"]
    assert set(json.loads(members["versions.json"])) >= {"python", "redis", "psutil", "engines"}
    # the file says so, and the bundle still says what was set
    assert "requirepass <removed>" in members["nodes/node1/redis.conf"]
    assert "user <removed>" in members["nodes/node1/redis.conf"]


def test_no_secret_after_a_failed_up_and_what_nodes_said_then(project: Project) -> None:
    """The nodes run no more, but what they said is kept; their logs quote the password."""
    project.env["REDISTOPO_PASSWORD"] = SECRET
    engine = project.root / "engine"
    engine.write_text(
        f'#!/bin/sh\ncase "$1" in */node2/*) exec {BUNDLED.path} "$@" --bind 127.0.0.2;; esac\n'
        f'exec {BUNDLED.path} "$@"\n'
    )
    engine.chmod(0o755)
    shape = ("cluster", "--shards", "1", "--replicas", "1", "--formation", "instant")
    project.init(*shape, engine=str(engine))
    failed = project.run("up", "--timeout", "2s", check=1)
    assert "for a report: redistopo bundle" in failed.err
    with (project.folder(1) / "redis.log").open("a") as log:
        log.write(f">>> 'requirepass {json.dumps(SECRET)}'\n{SECRET}\n" * 12000)
    members = _bundle(project)
    assert _holds(members, SECRET) == []
    assert "bytes before this are left out\n" in members["nodes/node1/redis.log"][:80]
    assert len(members["nodes/node1/redis.log"]) < 2**20
    error = json.loads(members["failure/error.json"])
    assert error["error"] == "TimedOut"
    assert "bind address: node2 listens on 127.0.0.2" in error["detail"]
    assert "> CLUSTER NODES" in members["failure/nodes/node1.txt"]
    assert "not running: node1" in members["reach.txt"]
    told = [json.loads(line) for line in members["events.jsonl"].splitlines()]
    assert told[0]["event"] == "run"
    assert next(one for one in told if one["event"] == "error")["detail"] == error["detail"]
    assert json.loads(members["environment.json"]) == {"REDISTOPO_PASSWORD": "<removed>"}
    assert project.servers() == []
    engine.write_text(f'#!/bin/sh\nexec {BUNDLED.path} "$@"\n')
    project.up()
    assert not (project.root / ".redistopo" / "failure.json").exists()


def test_a_broken_topology_file_and_a_damaged_state_are_no_hindrance(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    secret = project.password
    project.run("down", check=0)
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text() + '\n[redis]\nuser = "x on >kept-in-toml ~*"\n[[[broken\n')
    (project.root / ".redistopo" / "record.json").write_bytes(b"\xff{")
    (project.root / ".redistopo" / "failure.json").write_text("[1]")
    project.env["REDISTOPO_PASSWORD"] = "given-just-now"
    (project.root / ".redistopo" / "formation.log").write_text("AUTH given-just-now\n")
    members = _bundle(project)
    for gone in (secret, "kept-in-toml", "given-just-now"):
        assert _holds(members, gone) == []
    assert "UsageError" in members["plan.json"]
    assert "its process isn't running" in members["findings.json"]
    told = [json.loads(line)["run"] for line in members["events.jsonl"].splitlines()]
    assert set(told) == {"up", "down"}


def test_where_nothing_was_started_there_is_nothing_to_collect(project: Project) -> None:
    assert "redistopo init" in project.run("bundle", check=2).err
    project.init("standalone", engine=BUNDLED.path)
    assert "nothing was started" in project.run("bundle", check=1).err
    assert [path.name for path in project.root.iterdir()] == ["redistopo.toml"]


def test_a_bundle_is_private_beside_the_file_and_never_replaces_one(project: Project) -> None:
    project.init("standalone", "--name", "shop", engine=BUNDLED.path)
    project.up()
    before = os.umask(0)
    try:
        path = Path(project.run("bundle", check=0).out.splitlines()[0])
    finally:
        os.umask(before)
    assert path.parent == project.root
    assert path.name.startswith("redistopo-bundle-shop-2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    whole = path.read_bytes()
    assert "exists already" in project.run("bundle", "--out", path.name, check=2).err
    assert path.read_bytes() == whole
    assert stat.S_IMODE((project.root / ".redistopo" / "events.jsonl").stat().st_mode) == 0o600


def test_a_full_disk_leaves_no_half_bundle(project: Project, tmp_path: Path) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=4k tmpfs {disk} && "
        f"{project.command} bundle -q --dir {project.root} --out {disk}/full.tgz; code=$?; "
        f"ls {disk}; exit $code"
    )
    done = apart(project, "--mount", "sh", "-c", script)
    assert done.returncode == 4, done
    assert "No space left" in done.stderr
    assert "--out FILE" in done.stderr
    assert done.stdout == ""


def test_the_end_of_a_log_begins_at_a_line(tmp_path: Path) -> None:
    """Half a line could hold half a secret, which nobody would recognise."""
    log = tmp_path / "log"
    log.write_text("first secret\nsecond secret\n")
    for most in range(27):
        told = last_part(log, most)
        assert told.partition("\n")[2] in ("", "second secret\n")
        assert told.startswith(f"... {27 - most} bytes before this are left out\n")
    assert last_part(log, 27) == "first secret\nsecond secret\n"
    assert last_part(tmp_path / "none", 27) == ""


def test_a_run_that_was_killed_has_its_timeline(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    timeline = project.root / ".redistopo" / "events.jsonl"
    up = project.begin("up", "--json")
    reach(up, "start")
    up.send_signal(signal.SIGKILL)
    up.communicate()
    told: list[dict[str, Any]] = [json.loads(line) for line in timeline.read_text().splitlines()]
    assert told[-1]["event"] == "started"
    assert {one["run"] for one in told} == {"up"}
    timeline.write_text(timeline.read_text() + '{"old": 1}\n' * 1000)
    project.up()
    assert len(timeline.read_text().splitlines()) < 450
    project.run("down", "--wipe", "--yes", check=0)
    assert not timeline.parent.exists()
