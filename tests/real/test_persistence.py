"""A change of how data is kept, and a disk that can't be written: no data is lost unsaid."""

import signal
from pathlib import Path

import psutil
import pytest
from support.engines import ENGINES
from support.project import Project
from support.waiting import until

OLD_AND_NEW = sorted({min(ENGINES), max(ENGINES)})


def change(project: Project, before: str, after: str) -> None:
    """The topology file says `after` where it said `before`."""
    path = project.root / "redistopo.toml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def kill(project: Project) -> None:
    """Every server gets SIGKILL, and has ended."""
    for process in project.servers():
        psutil.Process(process.pid).send_signal(signal.SIGKILL)
    until(lambda: not project.servers())


def kept(project: Project) -> bool:
    """Whether the primary has all that it was given."""
    with project.client() as node:
        return int(node.dbsize()) == 100 and node.get("99") == "x"


@pytest.mark.parametrize("engine", OLD_AND_NEW)
@pytest.mark.parametrize("ending", ["down", "kill", "live"])
@pytest.mark.fault(
    "`persistence` changes between `down` and `up`, or while servers run",
    "the data is read from where it was, and kept as asked from then on",
)
def test_a_changed_persistence_keeps_the_data(project: Project, ending: str, engine: str) -> None:
    project.init("standalone", "--persistence", "rdb", engine=ENGINES[engine].path)
    project.up()
    with project.client() as node:
        node.mset({str(number): "x" for number in range(100)})
        node.save()
    now = "rdb"
    for after in ("aof", "rdb", "aof"):
        if ending == "down":
            project.run("down", check=0)
        elif ending == "kill":
            kill(project)
        change(project, f'persistence = "{now}"', f'persistence = "{after}"')
        project.up()
        assert kept(project), f"{now} -> {after}"
        kill(project)
        project.up()
        assert kept(project), f"{now} -> {after}, killed"
        now = after


@pytest.mark.fault(
    "`dbfilename` or `appenddirname` changes while the old files hold the data",
    "refused before anything starts (exit 2)",
)
def test_renamed_data_is_refused(project: Project) -> None:
    project.init("standalone", "--persistence", "rdb", engine=ENGINES[OLD_AND_NEW[-1]].path)
    project.up()
    with project.client() as node:
        node.mset({str(number): "x" for number in range(100)})
    project.run("down", check=0)
    whole = (project.root / "redistopo.toml").read_text()
    change(project, "[redis]", '[redis]\ndbfilename = "other.rdb"')
    refused = project.run("up", check=2)
    assert "other.rdb" in refused.err
    assert "dump.rdb" in refused.err
    assert project.servers() == []
    Path(project.root / "redistopo.toml").write_text(whole)
    project.up()
    assert kept(project)
