"""A project's folder that is moved or copied, while its servers run."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.kept import keep, kept
from support.project import Project


@pytest.mark.fault(
    "the project's folder is moved while its servers run",
    "status, verify, up and down work in the new place; verify reports that logs still go to "
    "the old one, and up writes the configuration for the next start",
)
def test_a_moved_folder(projects: Callable[[str], Project], tmp_path: Path) -> None:
    old = projects("old")
    old.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    old.up()
    keep(old)
    old.root.rename(tmp_path / "new")
    old.root.mkdir()
    new = Project(tmp_path / "new", old.port, size=6)
    assert new.run("status", "--json", check=0).json["result"]["nodes"][0]["state"] == "ok"
    done = new.run("verify", "--json", check=0)
    warned = [one for one in done.json["result"]["findings"] if one["status"] == "warn"]
    known = {"node.versions"}  # an engine with known faults
    assert {one["check"] for one in warned} - known == {"node.alive"}
    assert any(str(old.root) in one["evidence"] for one in warned)
    pids = sorted(process.pid for process in new.servers())
    assert "moved while the nodes were running" in new.run("up", "--dry-run", check=0).out
    new.up()
    assert "nothing to do" in new.up().out
    assert sorted(process.pid for process in new.servers()) == pids
    assert str(old.root) not in (new.folder(1) / "redis.conf").read_text()
    assert "6 servers stopped" in new.run("down", check=0).out
    new.up()
    assert kept(new) == "yes"
    new.run("down", "--wipe", "--yes", check=0)


@pytest.mark.fault(
    "a running project is copied (`cp -r`), and every command is run in the copy",
    "the servers of the original are not touched, and it stays in `ps`; `up` in the copy "
    "names the processes that use its ports, and the folder of the original",
)
def test_a_copy_of_a_running_project(project: Project, tmp_path: Path) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    keep(project)
    pids = sorted(process.pid for process in project.servers())
    subprocess.run(["cp", "-r", project.root, tmp_path / "copy"], check=False)
    copy = Project(tmp_path / "copy", project.port)
    assert "Nothing was running" in copy.run("down", check=0).out
    assert copy.run("verify", "--timeout", "1s").code == 3
    refused = copy.run("up", check=4).err
    assert "is in use by" in refused
    assert f"stop it: redistopo -C {project.root} down" in refused
    move = re.search(r"redistopo (move --port \d+)", refused)
    assert move
    copy.run(*move[1].split(), check=0)
    copy.run("up", check=0)
    copy.run("down", check=0)
    copy.run("down", "--wipe", "--yes", check=0)
    assert sorted(process.pid for process in project.servers()) == pids
    assert project.run("verify").code == 0
    listed = project.run("ps", "--json", check=0).json["result"]["topologies"]
    assert [one["root"] for one in listed] == [str(project.root)]


@pytest.mark.fault(
    "the state folder of another machine is copied over that of a running project",
    "its servers are found by their working directory, and `down` stops them",
)
def test_a_folder_copied_over_another(projects: Callable[[str], Project]) -> None:
    mine, theirs = projects("mine"), projects("theirs")
    for one in (mine, theirs):
        one.init("replication", "--replicas", "1", engine=BUNDLED.path)
        one.up()
    for number in (1, 2):
        # as of a machine with another boot
        mark = theirs.folder(number) / "process.json"
        for name in ("redis.conf", "redis.pid", "process.json"):
            shutil.copy(theirs.folder(number) / name, mine.folder(number) / name)
        told = {**json.loads(mark.read_text()), "boot": "another"}
        (mine.folder(number) / "process.json").write_text(json.dumps(told))
    shutil.copy(theirs.root / ".redistopo" / "record.json", mine.root / ".redistopo")
    assert "2 servers stopped" in mine.run("down", check=0).out
    assert mine.servers() == []
    assert len(theirs.servers()) == 2
