"""Programs that redistopo starts beside its servers end with it, also if it is killed; judged by
the process table."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from support.waiting import until

from redistopo.host.all_processes import all_processes
from redistopo.host.tied_program import Streams, tied_program

OWNER = """
import os, sys, time
from pathlib import Path
from redistopo.host.tied_program import Streams, tied_program
with tied_program(["sleep", sys.argv[1]], Path(sys.argv[2]), Streams()) as child:
    {body}
    print(child.pid, flush=True)
    time.sleep(60)
"""

FORKS = "os.fork() or (os.close(1), time.sleep(5), os._exit(0))"


def _of(seconds: str) -> list[psutil.Process]:
    """What was started to sleep so long, and what watches it; not its owner."""
    found = []
    for process in all_processes():
        with suppress(psutil.Error):
            argv = process.cmdline()
            if argv[-2:] == ["sleep", seconds] and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.mark.parametrize("moment", ["begun", "runs", "runs, and its owner has forked"])
def test_a_program_ends_with_a_killed_owner(tmp_path: Path, moment: str) -> None:
    seconds = f"3600.{os.getpid()}{len(moment)}"  # no other process has these
    code = OWNER.format(body=FORKS if "forked" in moment else "pass")
    argv = [sys.executable, "-c", code, seconds, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as owner:
        if moment == "begun":
            until(lambda: psutil.Process(owner.pid).children() or owner.poll() is not None)
        else:
            assert owner.stdout is not None
            assert int(owner.stdout.readline()) in {one.pid for one in _of(seconds)}
        owner.send_signal(signal.SIGKILL)
    until(lambda: not _of(seconds), 3, lambda: str(_of(seconds)))


def test_a_program_ends_with_its_block(tmp_path: Path) -> None:
    seconds = f"3600.{os.getpid()}"
    with tied_program(["sleep", seconds], tmp_path, Streams()) as child:
        assert Path(f"/proc/{child.pid}/cwd").samefile(tmp_path)
        assert psutil.Process(child.pid).name() == "sleep"
    assert child.returncode == -signal.SIGKILL
    until(lambda: not _of(seconds), 1, lambda: str(_of(seconds)))


def test_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match="nosuch"),
        tied_program([str(tmp_path / "nosuch")], tmp_path, Streams()),
    ):
        pass


def test_what_a_program_prints_ends_with_it(tmp_path: Path) -> None:
    """What watches it holds none of its streams open."""
    streams = Streams(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with tied_program(["cat"], tmp_path, streams) as child:
        assert child.communicate(b"back", 10) == (b"back", b"")
        assert child.returncode == 0
