"""The record of a drill, written before it injects its fault."""

from dataclasses import dataclass

from redistopo.model.state.drill_fault import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A process that a drill disturbs, identified by pid and start time."""

    node: str
    pid: int
    started: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillIntent:
    """A drill in progress: while its file exists, its fault may have to be undone.

    `began` is ISO 8601, UTC; keys of load `load` may remain in the data.
    """

    load: str
    began: str
    fault: Fault
    hurt: tuple[Victim, ...]
