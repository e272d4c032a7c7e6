"""What redistopo itself writes: its modes, and what it does when it is damaged or too new."""

import json
import subprocess

import pytest
from support.engines import BUNDLED
from support.forms import spread
from support.kept import KEPT
from support.project import Project
from support.waiting import until


@pytest.mark.fault(
    "the umask is 000, or 077",
    "every folder is 0700 and every file 0600, including those that servers write",
)
@pytest.mark.parametrize(
    ("umask", "persistence"), spread([("000", "aof"), ("000", "rdb"), ("077", "aof")], 1)
)
def test_modes_under_any_umask(project: Project, umask: str, persistence: str) -> None:
    project.init("cluster", "--formation", "instant", "--persistence", persistence)
    _shell(project, f"umask {umask} && {project.command} up -q")
    with project.client() as node:
        node.set(KEPT, "yes")
        (node.save if persistence == "rdb" else node.bgrewriteaof)()
        until(lambda: not node.info("persistence")["aof_rewrite_in_progress"])
    project.run("verify", check=0)
    _shell(project, f"umask {umask} && {project.command} down -q && {project.command} up -q")
    state = project.root / ".redistopo"
    for path in (state, *state.rglob("*")):
        wanted = 0o700 if path.is_dir() else 0o600
        assert path.stat().st_mode & 0o777 == wanted, path
    data = "dump.rdb" if persistence == "rdb" else "appendonly*"
    assert list(project.folder(1).glob(data))


def _shell(project: Project, script: str) -> None:
    subprocess.run(["sh", "-c", script], cwd=project.root, env=project.environment(), check=True)


TOPOLOGY_DAMAGE = {
    "half": lambda text: text[: len(text) // 2] + '\nport = "',
    "garbage": lambda text: "\x00\x01[[[",
    "newer": lambda text: text.replace("format = 1", "format = 99"),
    "empty": lambda text: "",
}


@pytest.mark.fault(
    "the topology file is truncated, garbage, empty, or of a newer format",
    "it is rejected with the reason (exit 2), running servers are not touched, `down` works",
)
def test_a_damaged_topology_file(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    path = project.root / "redistopo.toml"
    whole = path.read_text()
    for damage in TOPOLOGY_DAMAGE.values():
        path.write_text(damage(whole))
        for verb in ("up", "status"):
            refused = project.run(verb, check=2)
            assert "redistopo.toml" in refused.err
        assert len(project.servers()) == 2
    assert "2 servers stopped" in project.run("down", check=0).out
    path.write_text(whole)
    project.up()


@pytest.mark.fault(
    "the state is from a newer redistopo; the lock file contains garbage",
    "every command that changes something asks for an upgrade, and changes nothing; the "
    "content of the lock file is ignored",
)
def test_a_record_of_a_newer_format(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    record = project.root / ".redistopo" / "record.json"
    whole = record.read_text()
    record.write_text(json.dumps({**json.loads(whole), "format": 99}))
    (project.root / ".redistopo" / "lock").write_bytes(b"\x00\xff\xfe{")
    for verb in (("up",), ("down",), ("down", "--wipe", "--yes")):
        assert "newer redistopo" in project.run(*verb, check=2).err
    assert len(project.servers()) == 1
    record.write_text(whole)
    assert "nothing to do" in project.up().out
