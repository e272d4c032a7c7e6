"""What a drill is about to do, on record before it is done."""

from dataclasses import dataclass

from redistopo.model.state.fault import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A process that a drill hurts; pid and start time name it for good."""

    node: str
    pid: int
    started: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillIntent:
    """A drill that has begun and not ended: until its file is gone, somebody has to mend.

    `began` is ISO 8601, UTC; keys of load `load` may be left.
    """

    load: str
    began: str
    fault: Fault
    hurt: tuple[Victim, ...]
