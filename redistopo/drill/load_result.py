"""What the load's clients did during a drill: every operation, and the fate of each write.

All times are seconds on the monotonic clock of the process that ran the load.
"""

from collections.abc import Iterable
from dataclasses import field
from enum import StrEnum

from redistopo.quick_dataclass import dataclass


class OperationKind(StrEnum):
    """The kind of an operation."""

    WRITE = "write"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; a write counts as successful only if it was acknowledged.

    `started` is when it was due by the load's schedule: if the client was still busy with an
    earlier one, the wait is part of what it `took` (otherwise a server that hangs would get fewer
    operations, and its worst moments would be missing from the latencies: Gil Tene's "coordinated
    omission"). `waited` is the part of it before the operation was sent; None if it never was: it
    is counted, but proves nothing about a server. `error` is "" or a kind: MOVED, CLUSTERDOWN,
    READONLY, LOADING, ConnectionError, Timeout, WAIT (too few replicas had it), Overdue (dropped
    unsent).
    """

    kind: OperationKind
    shard: int
    started: float
    took: float
    error: str = ""
    waited: float | None = 0.0

    @property
    def sent(self) -> float:
        return self.started + (self.waited or 0.0)

    @property
    def ended(self) -> float:
        return self.started + self.took

    @property
    def good(self) -> bool:
        return not self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class LostWrite:
    """A write that was acknowledged and is gone; `found` is the key's value now ("": none)."""

    key: str
    sequence: int
    shard: int
    acknowledged: float
    found: str = ""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """From one moment to another."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return max(0.0, self.end - self.begin)

    def overlap(self, other: "TimeSpan") -> float:
        """Return the seconds that both spans share."""
        return max(0.0, min(self.end, other.end) - max(self.begin, other.begin))


@dataclass(slots=True, kw_only=True)
class ServedSpan:
    """A span in which one node served one kind of operation, as the probe of the drill saw it.

    It served from `begin`, when the first reply was read, to `end`, when the last one was; the last
    one was requested at `sent`. The node did not serve yet at `earliest`, nor any more at `latest`;
    for a node that served as long as the probe asked, `latest` is when the probe ended.
    """

    shard: int
    kind: OperationKind
    earliest: float
    begin: float
    sent: float
    end: float
    latest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """Everything that the load did while it ran, from `span.begin` to `span.end`.

    `hurt` are the numbers of the affected shards; operations on any other are the control.
    `hiccups` are spans in which the load's own process did not run. `lost` counts acknowledged
    writes that were gone at the check, `examples` are the first of them, and `unchecked` counts
    those that could not be read; all are 0 before the check. `served` is what the probe saw; where
    it saw nothing, the operations tell.
    """

    span: TimeSpan
    ops: tuple[Operation, ...]
    hurt: frozenset[int]
    acknowledged: int
    wait_replicas: int = 0
    lost: int = 0
    unchecked: int = 0
    examples: tuple[LostWrite, ...] = ()
    hiccups: tuple[TimeSpan, ...] = field(default=())
    served: tuple[ServedSpan, ...] = ()

    def of(self, kind: OperationKind, *, hurt: bool) -> tuple[Operation, ...]:
        """Return the operations of a kind on the affected shards, or on the others."""
        return tuple(op for op in self.ops if op.kind is kind and (op.shard in self.hurt) is hurt)


def errors_by_kind(ops: Iterable[Operation]) -> dict[str, int]:
    """Count the failed operations by kind of error, the most frequent first."""
    count: dict[str, int] = {}
    for op in ops:
        if op.error:
            count[op.error] = count.get(op.error, 0) + 1
    return dict(sorted(count.items(), key=lambda one: (-one[1], one[0])))
