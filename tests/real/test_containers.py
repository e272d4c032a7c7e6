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


def _first(project: Project, *words: str) -> subprocess.Popen[str]:
    """The command as the first process of a pid namespace."""
    return subprocess.Popen(
        [*["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"], COMMAND, *words],
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
        assert any("Stop it" in line for line in outer.stdout)
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
