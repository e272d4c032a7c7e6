"""Trial: the downtime that a drill reports, beside the one that an independent probe sees.

Half of the drills run as the machine is, half of them beside 5 to 20 processes that only compute.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.failovers import run_drill
from benchmarks.load import tag_in
from benchmarks.probe import SPAN_SECONDS
from benchmarks.stage import ROOT, Made, Stage
from benchmarks.trial import Outcome
from redistopo.drill.outage import STALL_SECONDS
from redistopo.model.protocol.slots import split_slots

TOLERANCE_MS = 150.0
SHARE = 0.95
"""Of the drills: 19 of 20."""

_FAULTS = ("kill", "freeze", "kill", "shutdown", "partition")
_LEAST_LOAD, _MOST_LOAD = 5, 20
_SHAPE = ("cluster", "--shards", "3", "--node-timeout", "2000", "--formation", "instant")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """One drill; all but `load` in milliseconds. `said` is whether it reports bounds."""

    fault: str
    load: int
    reported: float
    at_least: float
    at_most: float
    said: bool
    probed: float
    probe_late: float

    @property
    def true(self) -> bool:
        """Whether the figure, or else the bounds that the drill reports, agree with the probe."""
        if abs(self.reported - self.probed) <= TOLERANCE_MS:
            return True
        low, high = self.at_least - SPAN_SECONDS * 1000, self.at_most + SPAN_SECONDS * 1000
        return self.said and low <= self.probed <= high

    @property
    def line(self) -> str:
        bounds = f", at least {self.at_least:.0f}, at most {self.at_most:.0f}" if self.said else ""
        return (
            f"{'' if self.true else 'NOT TRUE: '}{self.fault}, load {self.load}: reported "
            f"{self.reported:.0f} ms{bounds}; probe {self.probed:.0f} ms "
            f"(itself {self.probe_late:.0f} ms late at most)"
        )


def truth(stage: Stage, runs: int) -> Outcome:
    """So many drills, half of them on a busy machine, each beside the probe."""
    found: list[_Compared] = []
    with stage.topology(_SHAPE, 6) as made:
        stage.up(made)
        idle = runs - runs // 2
        for number in range(runs):
            load = 0 if number < idle else _load(number - idle, runs - idle)
            fault = _FAULTS[number % len(_FAULTS)]
            found.append(_compare(stage, made, fault, load))
            print(found[-1].line, flush=True)
    parts = {"load 0": [one for one in found if not one.load]}
    parts[f"load {_LEAST_LOAD}-{_MOST_LOAD}"] = [one for one in found if one.load]
    lines = [
        f"{name}: {sum(one.true for one in some)} of {len(some)} true, "
        f"{sum(abs(one.reported - one.probed) <= TOLERANCE_MS for one in some)} within "
        f"{TOLERANCE_MS:g} ms, {sum(one.said for one in some)} with bounds"
        for name, some in parts.items()
        if some
    ]
    return Outcome(
        lines=tuple(lines),
        met=all(sum(one.true for one in some) >= SHARE * len(some) for some in parts.values()),
        document={"drills": [one.line for one in found]},
    )


def _load(turn: int, turns: int) -> int:
    """The number of busy processes: spread evenly from the least to the most."""
    return _LEAST_LOAD + round(turn * (_MOST_LOAD - _LEAST_LOAD) / max(1, turns - 1))


def _compare(stage: Stage, made: Made, fault: str, load: int) -> _Compared:
    with ExitStack() as stack:
        stack.enter_context(_busy(load))
        probe = stack.enter_context(_probe(made))
        report = run_drill(stage, made, "--shard", "1", "--fault", fault)
        told, _ = probe.communicate(timeout=30)
    writes = next(one for one in report["traffic"] if one["name"] == "writes")
    seen = json.loads(told)
    return _Compared(
        fault=fault,
        load=load,
        reported=writes["unavailable"],
        at_least=writes.get("at_least", writes["unavailable"]),
        at_most=writes.get("at_most", writes["unavailable"]),
        said=bool(writes.get("bounded")),
        probed=1000 * _away(seen["spans"], report),
        probe_late=1000 * seen["late"],
    )


def _away(spans: list[tuple[float, float]], report: dict[str, Any]) -> float:
    """The seconds without a write in the time of the drill's load: of each span that is a stall by
    the drill's own definition, or that lies in an outage that the drill reports."""
    at = datetime.fromisoformat(report["began"]).timestamp() - time.time() + time.monotonic()
    writes = next(one for one in report["traffic"] if one["name"] == "writes")
    track = writes["track"]
    begin, end = at + track["begin"], at + track["begin"] + track["width"] * len(track["good"])
    gaps = [(at + gap["last_good"], at + gap["until"]) for gap in writes["gaps"]]
    return sum(
        last - first
        for first, last in spans
        if first < end
        and last > begin
        and (
            last - first >= STALL_SECONDS
            or any(first < until and last > since for since, until in gaps)
        )
    )


@contextmanager
def _probe(made: Made) -> Iterator["subprocess.Popen[str]"]:
    slots = split_slots(made.shards)[0]
    key = f"{{{tag_in(slots.first, slots.last)}}}probe"
    words = (made.wanted().password, key, *map(str, made.ports))
    process = subprocess.Popen(
        [sys.executable, "-S", "-m", "benchmarks.probe", *words],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """So many processes that only compute; they end with this one, whatever happens to it."""
    code = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): sum(range(200_000))"
    argv = [sys.executable, "-S", "-c", code, str(os.getpid())]
    running = [subprocess.Popen(argv) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
