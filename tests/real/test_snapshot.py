"""`snapshot` and `snapshots`, judged by redis-py and by servers that load the files."""

import json
import subprocess
import threading
import time
from pathlib import Path

import pytest
from support.engines import BUNDLED, ENGINES
from support.forms import FULL
from support.project import Project
from support.snapshots import binary, fill
from support.waiting import until

from redistopo.model.protocol.engine import Engine


def _saved(project: Project, *words: str) -> dict:
    return project.run("snapshot", *words, "--json", check=0).json["result"]


def _files(project: Project) -> dict[int, list[str]]:
    folders = {node: project.folder(node) for node in range(1, project.size + 1)}
    return {node: sorted(one.name for one in folder.iterdir()) for node, folder in folders.items()}


def _folder(project: Project, name: str) -> Path:
    return project.root / "snapshots" / name


@pytest.mark.parametrize(
    "engine", ENGINES.values() if FULL else [BUNDLED], ids=lambda one: one.name
)
def test_replicas_save_all_data_and_nothing_else_changes(project: Project, engine: Engine) -> None:
    project.init("cluster", "--formation", "instant", engine=engine.path)
    project.up()
    with binary(project) as client:
        fill(client)
    roles = {port: project.client(port).info("replication")["role"] for port in project.ports}
    before = {
        node: sorted(one.name for one in project.folder(node).iterdir()) for node in range(1, 7)
    }
    saved = _saved(project, "one")["snapshot"]
    assert [one["role"] for one in saved["shards"]] == ["replica"] * 3
    keys = [project.client(port).dbsize() for port in project.ports if roles[port] == "master"]
    assert sorted(sum(one["keys"].values()) for one in saved["shards"]) == sorted(keys)
    assert saved["digest"]["keys"] == sum(keys)
    assert saved["digest"]["expiring"] == 1
    after = {
        node: sorted(one.name for one in project.folder(node).iterdir()) for node in range(1, 7)
    }
    assert after == before  # no dump.rdb that a node would load
    for one in saved["shards"]:
        path = _folder(project, "one") / one["file"]
        said = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True)
        assert said.stdout.split()[0] == one["sha256"]
        assert path.stat().st_mode & 0o077 == 0
    assert project.faults() == []
    assert project.run("snapshots", "--verify", check=0).out.count("verified") == 1


def test_a_damaged_snapshot_is_named_and_the_others_are_not(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    with project.client() as client:
        client.mset({f"k{n}": "x" * 50 for n in range(100)})
    for name in ("good", "cut", "flipped", "newer"):
        _saved(project, name)
    cut, flipped = (_folder(project, name) / "shard1.rdb" for name in ("cut", "flipped"))
    cut.write_bytes(cut.read_bytes()[:-1])
    raw = bytearray(flipped.read_bytes())
    raw[-20] ^= 1
    flipped.write_bytes(raw)
    manifest = _folder(project, "newer") / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 2}))
    (_folder(project, "foreign")).mkdir()
    done = project.run("snapshots", "--verify", "--json", check=3)
    faults = {one["name"]: one["fault"] for one in done.json["result"]["snapshots"]}
    assert faults.pop("good") == ""
    assert "bytes, not" in faults["cut"]
    assert "SHA-256 differs" in faults["flipped"]
    assert "newer redistopo" in faults["newer"]
    assert "no manifest" in faults["foreign"]
    project.run("snapshot", "good", check=2)  # a name that is taken


def test_only_whole_unnamed_snapshots_of_this_topology_count_and_are_removed(
    project: Project,
) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    first, second, third, fourth = (f"20260101-00000{n}" for n in range(4))
    for name in ("named", first, second, third):
        _saved(project, name)
    (_folder(project, second) / "shard1.rdb").write_bytes(b"")
    left = project.root / "snapshots" / ".x.1.partial"
    left.mkdir()
    assert _saved(project, fourth, "--keep", "2")["removed"] == [first]
    names = {one.name for one in (project.root / "snapshots").iterdir()}
    assert names == {".gitignore", "named", second, third, fourth}


def test_with_pause_the_shards_have_one_moment_and_writers_wait_briefly(project: Project) -> None:
    """Two counters in different shards, written one after the other: a snapshot of one moment has
    the first at most one ahead."""
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    end, waits = threading.Event(), [0.0]

    def write() -> None:
        with binary(project) as client:
            number = 0
            while not end.is_set():
                number += 1
                for key in ("{a}first", "{b}second"):
                    began = time.monotonic()
                    client.set(key, number)
                    waits.append(time.monotonic() - began)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: len(waits) > 50)
        saved = _saved(project, "now", "--pause")["snapshot"]
    finally:
        end.set()
        writer.join()
    assert saved["consistency"] == "one moment"
    assert max(waits) < 3
    found = {}
    for one in saved["shards"]:
        found |= _loaded(project, _folder(project, "now") / one["file"])
    assert found["{a}first"] - found["{b}second"] in (0, 1)


def _loaded(project: Project, file: Path) -> dict[str, int]:
    """The numbers in an RDB file, as a server of the suite's own loads them."""
    port = project.port + 15
    words = ["--port", str(port), "--dir", str(file.parent), "--dbfilename", file.name]
    server = subprocess.Popen([BUNDLED.path, *words, "--save", ""], stdout=subprocess.DEVNULL)
    try:
        from support.judge import client as made

        def ready() -> bool:
            try:
                return bool(made(port).ping())
            except Exception:  # noqa: BLE001  whatever it says before it listens
                return False

        until(ready)
        with made(port) as client:
            return {key: int(client.get(key)) for key in client.scan_iter()}
    finally:
        server.kill()
        server.wait()


def test_writes_go_on_after_a_save_that_fails(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    folder = project.folder(2)
    with project.client() as client:
        client.set("k", "v")
        (folder / "dump.rdb").unlink(missing_ok=True)
        (folder / "dump.rdb").mkdir()  # nothing can be renamed to it
        done = project.run("snapshot", "bad", "--pause", check=4)
        assert "could not save" in done.err
        began = time.monotonic()
        client.set("k", "w")
        assert time.monotonic() - began < 1
    assert not (project.root / "snapshots").exists()
    (folder / "dump.rdb").rmdir()
    _saved(project, "good")


def test_secrets_are_saved_only_when_asked(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    _saved(project, "plain")
    _saved(project, "whole", "--with-secrets")
    texts = [p.read_bytes() for p in _folder(project, "plain").rglob("*") if p.is_file()]
    assert not [text for text in texts if project.password.encode() in text]
    kept = _folder(project, "whole") / "secrets" / "password"
    assert kept.read_text().strip() == project.password
    assert kept.stat().st_mode & 0o077 == 0


def test_the_printed_timer_runs_it(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    elsewhere = project.run("snapshot", "--timer", "cron", "-C", project.root.parent, check=2)
    assert "there is no redistopo.toml" in elsewhere.err  # it would fail each night
    line = project.run("snapshot", "--timer", "cron", "--keep", "3", check=0).out.strip()
    assert line.startswith("0 3 * * * ")
    assert "--keep 3" in line
    subprocess.run(["sh", "-c", line.removeprefix("0 3 * * * ")], cwd="/", check=True)
    assert len(json.loads(project.run("snapshots", "--json").out)["result"]["snapshots"]) == 1
