"""What was measured, as a table for people and as JSON for programs."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rows import Pair, Row
from benchmarks.stage import Stage
from benchmarks.trial import Outcome, Trial

LATEST = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A row with its rounds; `violations` is what the judge saw right after our
    `up`, or what clients missed."""

    row: Row
    rounds: tuple[Pair, ...]
    violations: tuple[str, ...]

    @property
    def ours(self) -> float:
        return median(ours for ours, _ in self.rounds)

    @property
    def theirs(self) -> float | None:
        told = [theirs for _, theirs in self.rounds if theirs is not None]
        return median(told) if told else None

    @property
    def ratio(self) -> float | None:
        return self.ours / self.theirs if self.theirs else None

    @property
    def met(self) -> bool:
        """Below the bar, and never up before it was healthy."""
        against = self.ours if self.ratio is None else self.ratio
        return against <= self.row.bar and not self.violations


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A trial with its outcome."""

    trial: Trial
    outcome: Outcome

    @property
    def met(self) -> bool:
        return self.outcome.met


HEAD = f"{'':34} {'ours':>8} {'(most)':>8} {'theirs':>8} {'ratio':>6} {'bar':>7}  met"


def line(measured: Measured) -> str:
    """One row of the table."""
    row, ratio, theirs = measured.row, measured.ratio, measured.theirs
    most = max(ours for ours, _ in measured.rounds)
    cells = [
        f"{row.what:34} {measured.ours:6.3f} s {most:6.3f} s",
        f"{theirs:6.3f} s" if theirs is not None else f"{'-':>8}",
        f"{ratio:6.2f}" if ratio is not None else f"{'-':>6}",
        f"{row.bar:5.2f} {'x' if ratio is not None else 's'}",
        f" {'yes' if measured.met else 'NO'}   {row.theirs and 'against ' + row.theirs}",
    ]
    told = "".join(f"\n    {one}" for one in measured.violations)
    return " ".join(cells).rstrip() + told


def title(stage: Stage) -> str:
    """What ran where."""
    said = subprocess.run([stage.server, "--version"], capture_output=True, text=True, check=True)
    cores = os.cpu_count()
    return f"{said.stdout.strip()}\n{platform.platform()}, {cores} cores, Python {sys.version}"


def write(
    stage: Stage, done: Iterable[Measured], tried: Iterable[Tried], path: Path = LATEST
) -> None:
    """All of it, every round included, in one JSON document."""
    document = {
        "format": 1,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": title(stage),
        "server": stage.server,
        "cli": stage.cli,
        "load": os.getloadavg(),
        "rows": [_row(one) for one in done],
        "trials": {
            one.trial.name: {"met": one.met, "told": one.outcome.lines, **one.outcome.document}
            for one in tried
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def _row(measured: Measured) -> dict[str, Any]:
    row = measured.row
    return {
        "name": row.name,
        "what": row.what,
        "against": row.theirs,
        "ours": measured.ours,
        "theirs": measured.theirs,
        "ratio": measured.ratio,
        "bar": row.bar,
        "met": measured.met,
        "rounds": measured.rounds,
        "violations": measured.violations,
    }


def _commit() -> str:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return said.stdout.strip()
