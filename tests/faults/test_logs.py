"""An append-only file that is damaged in the middle: who has a copy, and what to type."""

import shlex
import subprocess

import pytest
from support.engines import BUNDLED, ENGINES
from support.forms import spread
from support.project import Project


def _damage_log(project: Project, number: int) -> None:
    """Twelve bytes in the middle of a node's append-only file are garbage."""
    folder = project.folder(number)
    found = [*folder.glob("appendonlydir/*.incr.aof"), *folder.glob("appendonly.aof")]
    path = max(found, key=lambda one: one.stat().st_size)
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 12] = b"\x00\xffgarbage\x00\x01\x02"
    path.write_bytes(whole)


def _fill(project: Project, port: int) -> None:
    with project.client(port) as node:
        for number in range(50):
            node.set(f"{{06S}}{number}", number)


@pytest.mark.fault(
    "the append-only file of a replication's primary is damaged in the middle",
    "names the file and the nodes that have a copy, and prints the commands; runs and "
    "truncates nothing by itself",
)
def test_a_damaged_log_of_a_replicated_primary(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    _fill(project, project.port)
    project.run("down", check=0)
    _damage_log(project, 1)
    failed = project.run("up", check=1)
    assert "node2 has a copy of its data" in failed.err
    assert "redistopo up --primary node2" in failed.err
    assert project.servers() == []
    folder = project.folder(1) / "appendonlydir"
    folder.rename(folder.with_name("appendonlydir.damaged"))
    project.up("--primary", "node2")
    for port in project.ports:
        with project.client(port) as node:
            assert node.get("{06S}49") == "49"


@pytest.mark.fault(
    "the append-only file of a cluster's primary is damaged in the middle",
    "prints the commands, in order, that promote its replica first, so that no node syncs "
    "from an empty primary",
)
def test_a_damaged_log_of_a_cluster(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    _fill(project, project.port)
    project.run("down", check=0)
    _damage_log(project, 1)
    failed = project.run("up", "--json", check=1).json["error"]
    assert "node4 has a copy of its data" in failed["detail"]
    steps = failed["hint"].partition("promote node4: ")[2].partition(". Or ")[0].split("; ")
    assert [step.split()[0] for step in steps][:2] == ["redistopo", "then"]
    project.run("up", "--keep", check=1)
    takeover = shlex.split(steps[1].removeprefix("then redistopo "))
    assert "OK" in project.run(*takeover, check=0).out
    aside = shlex.split(steps[2].removeprefix("after OK: "))
    subprocess.run(aside, check=True)
    project.up()
    assert project.faults() == []
    with project.client(project.port + 3) as node:
        assert node.get("{06S}49") == "49"


@pytest.mark.fault(
    "the append-only file of a standalone server is damaged in the middle",
    "prints the command of the checker, with the exact path; when the user runs it, the file "
    "is repaired, and what was written before the damage is there",
)
@pytest.mark.parametrize("engine", spread(sorted(ENGINES), 2))
def test_a_damaged_log_without_a_copy(project: Project, engine: str) -> None:
    project.init("standalone", engine=ENGINES[engine].path)
    project.up()
    _fill(project, project.port)
    project.run("down", check=0)
    _damage_log(project, 1)
    failed = project.run("up", "--json", check=1).json["error"]
    assert "no other node has a copy" in failed["detail"]
    command = failed["hint"].partition("at the damage: ")[2]
    project.shell(command, answer="y\n")
    project.up()
    with project.client() as node:
        assert node.get("{06S}0") == "0"
