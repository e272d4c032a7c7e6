"""Two ways in which containers differ: redistopo is their first process, and they have a network
and processes of their own while folders are shared."""

import os
import signal
import subprocess

import psutil
import pytest
from support.engines import BUNDLED
from support.project import COMMAND, Project
from support.waiting import until

APART = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")


def _first(project: Project, *words: str) -> subprocess.Popen[str]:
    """The command as the first process of a pid namespace."""
    return subprocess.Popen(
        [*APART, COMMAND, *words],
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_first_process_of_a_container_saves_at_sigterm(project: Project) -> None:
    project.init("standalone", "--persistence", "rdb", engine=BUNDLED.path)
    outer = _first(project, "up", "--attach")
    try:
        assert outer.stdout is not None
        assert any("Following" in line for line in outer.stdout)
        with project.client() as node:
            node.set("kept", "yes")
        (inner,) = psutil.Process(outer.pid).children()
        until(lambda: _handles(inner.pid, signal.SIGTERM), what="the log is followed")
        os.kill(inner.pid, signal.SIGTERM)
        assert outer.wait(20) == 0
    finally:
        outer.kill()
        outer.communicate()
    project.up()
    with project.client() as node:
        assert node.get("kept") == "yes"


def _handles(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for a signal (proc(5), SigCgt)."""
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123
        caught = next(line for line in status if line.startswith("SigCgt"))
    mask = int(caught.split()[1], 16)
    return bool(mask & 1 << (number - 1))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("dir /prod", "sets dir, which redistopo sets itself"),
        ("port 7777", "sets port, which redistopo sets itself"),
        ("bind 0.0.0.0", "use host in redistopo.toml"),
    ],
)
def test_an_include_may_not_set_what_redistopo_sets(project: Project, line: str, told: str) -> None:
    (project.root / "inner.conf").write_text(f"{line}\n")
    (project.root / "x.conf").write_text(f"maxmemory 5mb\ninclude {project.root}/inner.conf\n")
    include = f"include={project.root}/x.conf"
    project.init("replication", "--replicas", "1", "--set", include, engine=BUNDLED.path)
    refused = project.run("up", check=2)
    assert f"{project.root}/inner.conf is included for node1" in refused.err
    assert told in " ".join(refused.err.split())
    assert project.run("plan", check=0).out.count("inner.conf") >= 1
    assert project.servers() == []
    (project.root / "inner.conf").write_text("maxmemory 6mb\n")
    project.up()
    with project.client() as node:
        assert node.config_get("maxmemory") == {"maxmemory": str(6 << 20)}
    (project.root / "inner.conf").unlink()
    assert "can't be read" in project.run("up", check=2).err


@pytest.mark.parametrize("words", [("down",), ("down", "--wipe", "--yes")])
def test_servers_of_another_container_are_not_wiped(
    project: Project, words: tuple[str, ...]
) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
    other = _first(project, *words)
    out, _none = other.communicate(timeout=30)
    assert other.returncode == 1
    assert "node1, node2 replies, but its process is not seen here" in out
    with project.client() as node:
        assert node.get("kept") == "yes"
    project.run("down", check=0)
    assert project.folder(1).is_dir()


def test_a_server_that_left_its_folder_is_not_taken_for_stopped(project: Project) -> None:
    protected = "enable-protected-configs=yes"
    project.init("standalone", "--set", protected, engine=BUNDLED.path)
    project.up()
    (project.root / "elsewhere").mkdir()
    with project.client() as node:
        node.config_set("dir", str(project.root / "elsewhere"))
    done = project.run("down", "--json")
    if done.code:
        hint = done.json["error"]["hint"].partition("CONFIG SET dir: redistopo ")[2]
        project.run(*hint.split(), check=0)
        project.run("down", check=0)
    assert project.servers() == []
