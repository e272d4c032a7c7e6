"""Over and over, and under load: the trials of the benchmarks, with fewer runs."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.project import Project

from redistopo.ops.down import DownRequest, down
from redistopo.ops.up import UpRequest, up
from redistopo.progress import no_progress

ROOT = Path(__file__).parents[2]
TRIALS = {
    "endurance": (10, "nothing left over"),
    "alarms": (4, "no false alarm, none missed"),
    "drill-overhead": (2, "nothing lost: 2 of 2 runs"),
}


@pytest.mark.parametrize("trial", TRIALS)
def test_a_trial_holds(trial: str, tmp_path: Path) -> None:
    """All judge by psutil, sockets and bare redis-py connections; see benchmarks/README.md."""
    runs, well = TRIALS[trial]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks", "--only", trial, "--runs", str(runs)),
            *("--server", BUNDLED.path, "--cli", BUNDLED.cli, "--results", str(tmp_path / "r")),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert well in done.stdout


def test_a_replica_that_writes_its_first_aof_ends_soon(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It refuses to end until that is written, and forgets that it was told."""
    project.init("replication", engine=BUNDLED.path)
    up(UpRequest(root=project.root), no_progress)
    began = time.monotonic()
    assert len(down(DownRequest(root=project.root), no_progress).stopped) == 3
    # before it was told again: 12 s, that is 0.4 of the 30 s that `down` has
    assert time.monotonic() - began < 8


def test_whoever_embeds_it_keeps_no_zombie(projects: Callable[[str], Project]) -> None:
    import psutil

    project = projects("project")
    project.init("standalone", engine=BUNDLED.path)
    before = {child.pid for child in psutil.Process().children()}
    up(UpRequest(root=project.root), no_progress)
    assert {child.pid for child in psutil.Process().children()} - before
    down(DownRequest(root=project.root), no_progress)
    assert {child.pid for child in psutil.Process(os.getpid()).children()} <= before
