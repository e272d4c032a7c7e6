"""Every row and every trial of the benchmarks, small: over and over, and under load."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hosts.lab import why_not
from support.engines import BUNDLED
from support.forked import FORKER
from support.forms import FULL, spread
from support.project import Project

from benchmarks.rows import ROWS
from benchmarks.trials import TRIALS
from redistopo.ops.down import DownRequest, down
from redistopo.ops.up import UpRequest, up
from redistopo.progress import no_progress

ROOT = Path(__file__).parents[2]
RUNS = {"endurance": 4, "alarms": 2}
"""More than one, so that each shape has its turn: a cluster and a replication."""


LIKE = {
    "up-102": "up-instant",
    "verify-102": "verify-6",
    "status-102": "status-6",
    "pytest-up": "pytest-1",
    "pytest-200": "pytest-1",
    "scale-replicas": "scale-shards",
    "rebalance-empty": "rebalance",
    "version": "help",
    "reset-6": "reset-flush",
    "hosts-up": "tests/hosts",
}
"""Rows that are small the same as another one, or as tests; the whole form has them."""

_IMPOSSIBLE = {"hosts-up"} if FULL and why_not() else set()
_NAMES = [
    row.name
    for row in ROWS
    if (FULL or not (row.wide or row.name in LIKE)) and row.name not in _IMPOSSIBLE
]
_AT_ONCE = 5
"""Rows for one start of the benchmarks."""


def _measured(names: Sequence[str], runs: int, tmp_path: Path) -> dict[str, Any]:
    """All that the benchmark wrote about rows or trials; it fails where a bar is missed.

    How long our command takes isn't judged, so that it is forked.
    """
    ours = FORKER.put_into(tmp_path)
    kept = tmp_path / "results.json"
    only = [word for name in names for word in ("--only", name)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks", *only, "--runs", str(runs), "--small"),
            *("--server", BUNDLED.path, "--cli", BUNDLED.cli, "--results", str(kept)),
            *("--redistopo", str(ours)),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=100 * len(names),
    )  # fmt: skip
    assert kept.exists(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


@pytest.mark.parametrize(
    "names", [_NAMES[n : n + _AT_ONCE] for n in range(0, len(_NAMES), _AT_ONCE)], ids=", ".join
)
def test_rows_run_and_were_healthy(names: list[str], tmp_path: Path) -> None:
    """Their bars are for a machine that does nothing else."""
    rows = _measured(names, 1, tmp_path)["rows"]
    assert [row["name"] for row in rows] == names
    for row in rows:
        assert row["violations"] == [], row
        assert all(ours > 0 for ours, _theirs in row["rounds"]), row
        assert (row["theirs"] is None) == (row["against"] == ""), row


@pytest.mark.parametrize("name", spread([trial.name for trial in TRIALS], 2))
def test_a_trial_holds(name: str, tmp_path: Path) -> None:
    """All judge by psutil, sockets and bare redis-py connections; see benchmarks/README.md."""
    trial = _measured([name], RUNS.get(name, 1), tmp_path)["trials"][name]
    if name == "failovers":  # its bar is a time: what holds on a busy machine is that all came back
        assert [one["healed"] is not None for one in trial["drills"]] == [True]
    else:
        assert trial["met"], trial


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
