"""Commands that end early, or run at the same time, leave a whole topology or none."""

import json
import signal
import subprocess

import psutil
import pytest
from support.engines import BUNDLED
from support.forms import spread
from support.project import COMMAND, Project
from support.steps import reach
from support.waiting import until


def test_a_listener_that_goes_away_does_not_stop_the_undoing(project: Project) -> None:
    project.init("cluster", "--set", "maxmemory-polcy=x", engine=BUNDLED.path)
    up = project.begin("up", "--json")
    assert up.stderr is not None
    assert up.stdout is not None
    up.stderr.close()
    up.stdout.read()
    up.stdout.close()
    up.wait(timeout=30)
    assert up.returncode != 0
    assert project.servers() == []


@pytest.mark.fault(
    "`up` and `down --wipe` run at the same time",
    "a complete topology is left, or none",
)
def test_ups_and_wipes_at_once_leave_a_whole_topology_or_none(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    commands = [("up",), ("down", "--wipe", "--yes"), ("up",), ("down", "--wipe", "--yes")]
    running = [project.begin(*command) for command in commands]
    told = [one.communicate(timeout=60) for one in running]
    assert [one.returncode for one in running] == [0, 0, 0, 0], told
    project.up()
    assert len(project.servers()) == 1


def _forming(project: Project) -> subprocess.Popen[str]:
    """An `up` whose redis-cli forms the cluster."""
    project.init("cluster", "--formation", "redis-cli", engine=BUNDLED.path)
    up = project.begin("up", "--json")
    reach(up, "form")
    return up


@pytest.mark.fault(
    "the terminal is closed during the formation of the cluster",
    "like Ctrl-C: the servers that were started are stopped",
)
def test_a_closed_terminal_undoes_like_ctrl_c(project: Project) -> None:
    up = _forming(project)
    up.send_signal(signal.SIGHUP)
    up.communicate(timeout=30)
    assert up.returncode == 130
    assert project.servers() == []


@pytest.mark.fault(
    "redistopo is killed, and its redis-cli continues to form the cluster",
    "the next command ends it",
)
def test_a_redis_cli_left_behind_is_ended(project: Project) -> None:
    up = _forming(project)
    mark = project.root / ".redistopo" / "formation.json"
    until(mark.exists)
    left = psutil.Process(json.loads(mark.read_text())["pid"])
    # it must not end by itself meanwhile
    left.suspend()
    up.kill()
    up.communicate()
    project.run("down", check=0)
    until(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE)
    assert project.servers() == []


def test_a_smaller_second_try_is_not_haunted_by_the_first(project: Project) -> None:
    project.init("replication", "--set", "bad-directive=1", engine=BUNDLED.path)
    project.run("up", check=2)
    project.init("standalone", "--force", engine=BUNDLED.path)
    project.up()
    done = project.run("verify", "--json", check=0)
    assert done.json["result"]["nodes"] == 1


@pytest.mark.parametrize("redirection", spread([">/dev/full", ">&-", "2>&-", ">&- 2>&-"], 2))
def test_output_that_cannot_be_written_is_no_traceback(project: Project, redirection: str) -> None:
    project.init("standalone", engine=BUNDLED.path)
    done = subprocess.run(
        ["sh", "-c", f"{COMMAND} up {redirection}"],
        cwd=project.root, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == (1 if "full" in redirection else 0)
    assert len(project.servers()) == 1
    if "full" not in redirection:  # without a stdin there is no terminal, and so no question
        done = subprocess.run(
            ["sh", "-c", f"{COMMAND} down <&- {redirection}"],
            cwd=project.root, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr + done.stdout
        assert (done.returncode, project.servers()) == (0, [])
