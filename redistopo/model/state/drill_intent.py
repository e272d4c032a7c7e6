"""The record of a drill, written before it injects its fault."""

from dataclasses import field

from redistopo.model.state.drill_fault import Fault
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A process that a drill disturbs, identified by pid and start time."""

    node: str
    pid: int
    started: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillIntent:
    """A drill in progress: while its file exists, its fault may have to be undone.

    `began` is ISO 8601, UTC; keys of load `load` may remain in the data. `added` are the nodes that
    a drill of growth adds and removes again, and `file_before` is the topology file without them.
    """

    load: str
    began: str
    fault: Fault
    hurt: tuple[Victim, ...]
    added: tuple[str, ...] = ()
    file_before: str = field(default="", repr=False)
