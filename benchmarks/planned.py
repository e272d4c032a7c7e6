"""Planned: a shard is handed over and over, while users' clients write to every shard."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import watchers
from benchmarks.stage import Made, Stage
from benchmarks.trial import Outcome

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from support.writers import Watchers, Writers, writing

_LIMIT = 1.0
"""Seconds without service that a planned handover may cost a client."""

_SHAPES = (
    (("cluster", "--shards", "3", "--formation", "instant"), 6),
    (("replication", "--replicas", "2"), 3),
    (("sentinel", "--replicas", "2"), 3),
)


@dataclass(slots=True)
class Tally:
    """What all handovers told: by redistopo's clock, and by the clients'."""

    paused: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    rolled: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    written: int = 0


def planned(stage: Stage, runs: int) -> Outcome:
    """So many handovers in each shape; in a cluster shard by shard, in turns."""
    tally = Tally()
    for kind, size in _SHAPES:
        with stage.topology(kind, size) as made:
            stage.up(made)
            _try(stage, made, runs, tally)
    lines = (
        f"{tally.written} writes acknowledged by {len(_SHAPES) * runs} handovers",
        f"writes waited {median(tally.paused):.1f} ms (median), {max(tally.paused):.1f} ms (most)",
        f"a client's longest gap: {median(tally.gaps) * 1000:.0f} ms (median), "
        f"{max(tally.gaps) * 1000:.0f} ms (most); while all nodes were restarted, rolling: "
        f"{max(tally.rolled) * 1000:.0f} ms (most)",
        *(tally.wrong or ["none lost, none above a second"]),
    )
    document = {
        "paused": tally.paused,
        "gaps": tally.gaps,
        "rolled": tally.rolled,
        "wrong": tally.wrong,
    }
    return Outcome(lines=lines, met=not tally.wrong, document=document)


def _try(stage: Stage, made: Made, runs: int, tally: Tally) -> None:
    password = made.wanted().password
    watching = _watchers(made)
    with writing(
        list(made.ports), password, clustered=made.clustered, watchers=watching
    ) as writers:
        for run in range(runs):
            began = time.monotonic()
            done = _ours(stage, made, "failover", f"shard:{run % made.shards + 1}", "--json")
            if done.returncode:
                tally.wrong.append(f"{run + 1}: {done.stderr}")
                continue
            result = json.loads(done.stdout)["result"]
            tally.paused.append(result["handover"]["milliseconds"])
            tally.gaps.append(_gap(writers, began))
        began = time.monotonic()
        rolled = _ours(stage, made, "restart", "--rolling", "--json")
        if rolled.returncode:
            tally.wrong.append(f"restart --rolling: {rolled.stderr}")
        tally.rolled.append(_gap(writers, began))
    tally.written += len(writers.acknowledged)
    lost = writers.lost()
    tally.wrong += [
        f"{gap:.2f} s without a write" for gap in (*tally.gaps, *tally.rolled) if gap >= _LIMIT
    ]
    tally.wrong += [f"{len(lost)} acknowledged writes lost: {lost[:5]}"] if lost else []


def _watchers(made: Made) -> Watchers | None:
    """The Sentinels, where there are any."""
    if not made.sentinels:
        return None
    watched = watchers.watched(made)
    return Watchers(watched.name, list(watched.ports), watched.password)


def _gap(writers: Writers, since: float) -> float:
    """The longest time that any client went without an acknowledged write, in seconds."""
    return max(writers.longest_gap(who, since) for who in range(writers.clients))


def _ours(stage: Stage, made: Made, *words: str) -> "subprocess.CompletedProcess[Any]":
    return subprocess.run(
        [*stage.command, *words, "--dir", str(made.folder)],
        env=stage.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
