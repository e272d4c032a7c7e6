"""The suite's forked command is the installed one, but for its imports."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from support.engines import BUNDLED
from support.forked import COMMAND, FORKER, Forker
from support.project import Done, Project
from support.terminal import Terminal
from support.waiting import until


@pytest.fixture
def forker() -> Iterator[Forker]:
    """One that this test alone has."""
    made = Forker()
    with closing(SimpleNamespace(close=made.end)):
        yield made


def _forked(project: Project, *words: str, forker: Forker = FORKER, seconds: float = 60) -> Done:
    done = forker.run([COMMAND, *words], project.root, project.environment(), seconds)
    return Done(done.returncode, done.stdout, done.stderr)


WORDS = (
    ("status",),
    ("status", "--json"),
    ("up", "--dir", "gärten"),
    ("--version",),
    ("up", "--help"),
    ("up", "--nope"),
    ("plan", "--nope", "--json"),
    ("plan",),
    ("render",),
    ("engines",),
    ("verify", "--timeout", "1s", "--dir", "/nowhere"),
)


def test_it_answers_as_the_installed_command_does(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    for words in WORDS:
        assert _forked(project, *words) == project.run(*words, installed=True), words
    assert _forked(project, "up").code == 0
    assert project.faults(cluster=False) == []
    assert project.run("down").code == 0
    assert project.servers() == []


def test_it_draws_on_a_terminal_as_the_installed_command_does(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    drawn = {}
    for installed in (True, False):
        project.installed = installed
        terminal = Terminal(project, "plan", columns=100)
        assert terminal.end() == 0
        drawn[installed] = (terminal.raw, terminal.left)
    assert drawn[False] == drawn[True]
    assert b"\x1b[" in drawn[True][0]


def test_in_the_background_it_has_the_manners_of_a_subprocess(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    with project.begin("wait", "--master", "node9", "--timeout", "60s") as failed:
        assert failed.communicate(20)[1].startswith("Error: ")
    assert failed.returncode == failed.poll() == 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        following = project.begin("logs", "-f")
        assert following.stdout is not None
        assert following.stdout.readline().startswith("node1 ")
        assert following.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            following.communicate(0.01)
        assert psutil.Process(following.pid).is_running()
        following.send_signal(number)
        assert following.communicate(20)[1].count("Traceback") == 0
        assert following.returncode == (-9 if number is signal.SIGKILL else 130)


def test_it_is_a_process_of_its_own(project: Project, forker: Forker) -> None:
    """Its folder, environment and umask are its own; it is killed when it takes too long."""
    project.init("replication", engine=BUNDLED.path)
    project.env["REDISTOPO_DIR"] = str(project.root / "elsewhere")
    assert "elsewhere" in _forked(project, "status", forker=forker).err
    del project.env["REDISTOPO_DIR"]
    assert _forked(project, "status", forker=forker).code != 2
    before = os.umask(0o077)
    try:
        assert _forked(project, "render", "--out", "made", forker=forker).code == 0
    finally:
        os.umask(before)
    assert Path(project.root / "made").stat().st_mode & 0o777 == 0o700
    with pytest.raises(subprocess.TimeoutExpired):
        _forked(project, "wait", "--timeout", "60s", forker=forker, seconds=0.5)
    assert forker._process is not None
    forking = psutil.Process(forker._process.pid)
    until(lambda: not forking.children(), what="nothing that was ordered is left")


PROGRAMS = {
    "words": "import sys; print(__name__, sys.argv, sys.path[0], sys.warnoptions)",
    "an exit code": "import sys; print(1, file=sys.stderr); sys.exit(3)",
    "an exit with text": "raise SystemExit('words')",
    "a warning": "import warnings\ntry: warnings.warn('one')\nexcept UserWarning: print('raised')",
    "a file left open": "import os; left = open(os.devnull)",
    "a thread at the end": "from threading import *; Thread(target=lambda: print(x)).start(); x=1",
    "an end of its own": "import os, atexit; atexit.register(print, 'not'); os._exit(4)",
    "handlers": "import atexit; atexit.register(print, 'at exit')",
}


def test_a_program_runs_as_in_a_python_of_its_own(project: Project) -> None:
    env = project.environment()
    for what, text in PROGRAMS.items():
        argv = [sys.executable, "-W", "error", "-c", text, "one", "two"]
        own = subprocess.run(
            argv, cwd=project.root, env=env, capture_output=True, text=True, check=False
        )
        forked = FORKER.run(argv, project.root, env, 60)
        assert (forked.returncode, forked.stdout) == (own.returncode, own.stdout), what
        assert forked.stderr.splitlines()[-1:] == own.stderr.splitlines()[-1:], what
        assert ("ResourceWarning" in own.stderr) is (what == "a file left open")


def test_what_python_reads_at_its_start_is_not_for_a_fork() -> None:
    assert FORKER.can({**os.environ, "COLUMNS": "200", "NO_COLOR": "1"})
    assert not FORKER.can({**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert not FORKER.can({**os.environ, "LC_ALL": "tlh"})
