"""A change of how data is kept, and a disk that can't be written: no data is lost unsaid."""

import shutil
import signal
from pathlib import Path

import psutil
import pytest
from support.editing import edit
from support.engines import BUNDLED, ENGINES
from support.forms import spread
from support.project import Project
from support.waiting import until

OLD_AND_NEW = sorted({min(ENGINES), max(ENGINES)})


def kept(project: Project) -> bool:
    """Whether the primary has all that it was given."""
    with project.client() as node:
        return int(node.dbsize()) == 100 and node.get("99") == "x"


@pytest.mark.parametrize("engine", spread(OLD_AND_NEW, 1))
@pytest.mark.parametrize("ending", ["down", "kill", "live"])
@pytest.mark.fault(
    "`persistence` is changed between `down` and `up`, or while servers run",
    "the data is loaded from the existing files, and persisted as configured from then on",
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
            project.crash()
        edit(project, f'persistence = "{now}"', f'persistence = "{after}"')
        project.up()
        assert kept(project), f"{now} -> {after}"
        project.crash()
        project.up()
        assert kept(project), f"{now} -> {after}, killed"
        now = after


def test_a_log_needs_no_snapshot_at_the_end(project: Project) -> None:
    """It would take minutes for some GB, in which a node is away."""
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    dump = project.folder(1) / "dump.rdb"
    with project.client() as node:
        node.mset({str(number): "x" for number in range(100)})
    project.run("down", check=0)
    assert not dump.exists()
    project.up()
    assert kept(project)
    project.run("set", "save=3600 1", check=0)
    project.run("down", check=0)
    assert dump.exists()  # the user wants some
    project.up()
    assert kept(project)


@pytest.mark.fault(
    "`dbfilename` or `appenddirname` is changed while the old files hold the data",
    "refused before anything starts (exit 2)",
)
def test_renamed_data_is_refused(project: Project) -> None:
    project.init("standalone", "--persistence", "rdb", engine=ENGINES[OLD_AND_NEW[-1]].path)
    project.up()
    with project.client() as node:
        node.mset({str(number): "x" for number in range(100)})
    project.run("down", check=0)
    whole = (project.root / "redistopo.toml").read_text()
    edit(project, "[redis]", '[redis]\ndbfilename = "other.rdb"')
    refused = project.run("up", check=2)
    assert "other.rdb" in refused.err
    assert "dump.rdb" in refused.err
    assert project.servers() == []
    Path(project.root / "redistopo.toml").write_text(whole)
    project.up()
    assert kept(project)


@pytest.mark.fault(
    "a server cannot save its snapshot during shutdown",
    "`down` leaves it running, reports why (exit 1), and names `--force`",
)
def test_a_server_that_cannot_save_is_not_killed(project: Project) -> None:
    project.init("standalone", "--persistence", "rdb", engine=ENGINES[OLD_AND_NEW[-1]].path)
    project.up()
    with project.client() as node:
        node.mset({str(number): "x" for number in range(100)})
    dump = project.folder(1) / "dump.rdb"
    dump.mkdir()
    (dump / "in the way").touch()
    refused = project.run("down", "--timeout", "3s", check=1)
    assert "node1 can't save, and still runs" in refused.err
    assert "--force" in refused.err
    assert kept(project)
    (dump / "in the way").unlink()
    dump.rmdir()
    project.run("down", check=0)
    project.up()
    assert kept(project)
    dump.unlink(missing_ok=True)
    dump.mkdir()
    (dump / "in the way").touch()
    project.run("down", "--force", check=0, seconds=10)
    assert project.servers() == []


@pytest.mark.fault(
    "a server hangs during shutdown, and is killed at the deadline",
    "`down` reports that its data was not saved (exit 1)",
)
def test_a_killed_server_is_reported(project: Project) -> None:
    project.init("standalone", "--persistence", "rdb", engine=ENGINES[OLD_AND_NEW[-1]].path)
    project.up()
    with project.client() as node:
        node.execute_command("CONFIG", "SET", "rdb-key-save-delay", "10000000")
        node.mset({str(number): "x" for number in range(100)})
    killed = project.run("down", "--timeout", "4s", check=1)
    assert "node1 was killed before it had saved" in killed.err
    assert "--timeout" in killed.err


@pytest.mark.fault(
    "a node's folder, or all of `.redistopo`, is deleted while servers run",
    "`down` leaves them running, since nothing could be saved, and names them (exit 1)",
)
@pytest.mark.parametrize("what", ["nodes/node1", ""])
def test_a_server_without_its_folder_is_reported(project: Project, what: str) -> None:
    project.init("standalone", engine=ENGINES[OLD_AND_NEW[-1]].path)
    project.up()
    pid = project.pid(1)
    shutil.rmtree(project.root / ".redistopo" / what)
    for _ in range(2):
        left = project.run("down", check=1).err
        assert ("node1 can't save: its folder was removed" if what else f"kill {pid}") in left
    psutil.Process(pid).send_signal(signal.SIGTERM)
    until(lambda: not psutil.pid_exists(pid))
    assert "Nothing was running" in project.run("down", check=0).out
