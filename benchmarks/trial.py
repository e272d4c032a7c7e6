"""Trials: what must hold every time, over many runs; run only when asked for by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a trial found: lines for people, all of it for programs, and whether it holds."""

    lines: tuple[str, ...]
    met: bool
    document: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One claim; `run` tries it `runs` times, unless asked for another number."""

    name: str
    what: str
    runs: int
    run: Callable[[Stage, int], Outcome]
