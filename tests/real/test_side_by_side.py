"""Many topologies at the same moment: nobody has to try again, and nobody gets another's ports."""

import fcntl
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support.editing import edit
from support.engines import BUNDLED
from support.forked import FORKER
from support.forms import FULL
from support.judge import client
from support.project import Project, servers_below

SHAPES = ("standalone", "replication --replicas 1")
MANY = 20 if FULL else 10


@pytest.fixture
def alone() -> Iterator[None]:
    """No other run of these tests chooses default ports: it has another user state folder."""
    with (Path(tempfile.gettempdir()) / "redistopo-test-side-by-side").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[list[Path]]:
    """A folder for each topology; after the test nothing runs below them."""
    made = [tmp_path / f"topology{n}" for n in range(MANY)]
    for folder in made:
        folder.mkdir()
    yield made
    for process in servers_below(tmp_path):
        process.send_signal(signal.SIGKILL)


def _at_once(folders: list[Path], commands: list[str]) -> list[tuple[int, str]]:
    """Each command ran in its folder, all let go at one moment; (exit code, output) of each."""
    gate, opener = os.pipe()
    running = [
        subprocess.Popen(
            ["sh", "-c", f"read _; {command}"],
            cwd=folder, stdin=gate, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for folder, command in zip(folders, commands, strict=True)
    ]  # fmt: skip
    os.close(gate)
    os.close(opener)  # the end of the file is the starting shot
    told = [process.communicate(timeout=120)[0] for process in running]
    return [(process.returncode, text) for process, text in zip(running, told, strict=True)]


def _works(port: int, password: str) -> bool:
    with client(port, password) as node:
        return bool(node.ping())


def test_many_topologies_side_by_side(alone: None, folders: list[Path], tmp_path: Path) -> None:
    ours = FORKER.put_into(tmp_path)
    shapes = [SHAPES[n % len(SHAPES)] for n in range(MANY)]
    ups = [f"{ours} init {shape} --engine {BUNDLED.path} && {ours} up --quiet" for shape in shapes]
    done = _at_once(folders, ups)
    assert [code for code, _ in done] == [0] * MANY, [text for code, text in done if code]
    taken: list[int] = []
    for folder, shape in zip(folders, shapes, strict=True):
        servers = servers_below(folder)
        ports = [
            found.laddr.port
            for server in servers
            for found in server.net_connections(kind="tcp")
            if found.status == psutil.CONN_LISTEN
        ]
        password = (folder / ".redistopo" / "password").read_text().strip()
        assert len(ports) == len(servers) == (1 if shape == "standalone" else 2)
        assert all(_works(port, password) for port in ports)
        taken += ports
    assert len(set(taken)) == len(taken) == MANY * 3 // 2
    downs = _at_once(folders, [f"{ours} down --wipe --yes"] * MANY)
    assert [code for code, _ in downs] == [0] * MANY, downs
    assert [server for folder in folders for server in servers_below(folder)] == []


def _first_port(project: Project) -> int:
    done = project.run("init", "cluster", "--json", check=0)
    return int(done.json["result"]["ports"]["first"])


def test_init_reserves_its_ports_until_its_file_is_gone(
    alone: None, projects: Callable[[str], Project]
) -> None:
    one, two, three = projects("one"), projects("two"), projects("three")
    first, second = _first_port(one), _first_port(two)
    assert first != second
    said = three.run("init", "cluster", check=0).err
    assert f"reserved by your topology 'one' in {one.root} (removing its redistopo.toml" in said
    (three.root / "redistopo.toml").unlink()
    (one.root / "redistopo.toml").unlink()
    assert _first_port(three) == first


def test_a_port_changed_by_hand_is_what_is_reserved(
    alone: None, projects: Callable[[str], Project]
) -> None:
    one, two = projects("one"), projects("two")
    first = _first_port(one)
    edit(one, f"port = {first}", f"port = {one.port}")
    assert _first_port(two) == first
    said = two.run("init", "cluster", "--port", str(one.port), "--force", check=0).err
    assert "reserved by your topology 'one'" in said
    assert "or use another --port" in said


def test_a_reservation_is_no_topology_of_ps(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    assert project.run("ps", "--json", check=0).json["result"]["topologies"] == []


def test_init_in_a_stopped_terminal_does_not_stop_the_others(
    alone: None, projects: Callable[[str], Project], own_world: Path
) -> None:
    """Who holds the lock for long is told of, and waited for no longer than some seconds."""
    project = projects("other")
    (own_world / "redistopo" / "reserved").mkdir(parents=True, mode=0o700)
    with (own_world / "redistopo" / "reserved" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = project.run("init", "standalone", check=0).err
    assert "another redistopo has been choosing ports" in said
    assert (project.root / "redistopo.toml").exists()


def test_without_a_home_ports_are_reserved_all_the_same(
    alone: None, projects: Callable[[str], Project], tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    one, two = projects("one"), projects("two")
    for project in (one, two):
        project.env = {"XDG_STATE_HOME": "/proc/nowhere", "TMPDIR": str(tmp_path / "tmp")}
    assert _first_port(one) != _first_port(two)
    (folder,) = (tmp_path / "tmp").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_write_is_not_trusted(
    alone: None, projects: Callable[[str], Project], tmp_path: Path
) -> None:
    folder = tmp_path / "tmp" / f"redistopo-{os.geteuid()}"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    project = projects("project")
    project.env = {"XDG_STATE_HOME": "/proc/nowhere", "TMPDIR": str(tmp_path / "tmp")}
    said = project.run("init", "standalone", check=0).err
    assert "may choose the same ports" in said
    assert list(folder.iterdir()) == []
