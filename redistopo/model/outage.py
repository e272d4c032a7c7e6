"""How long a service was away, and how fast it answered: pure arithmetic on operations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from redistopo.model.load import Kind, LoadSeen, Op, Span

STALL_SECONDS = 0.5
"""Nothing answered for this long is an outage, also where no operation failed."""

_STALL_MEDIANS = 20
BUCKET_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Nobody was answered after `last_good` and before `first_good`.

    `first_error` is when the first operation of those that failed was due (None: none
    failed, it was a stall); `first_good` is None where no answer came any more.
    """

    last_good: float
    first_error: float | None
    first_good: float | None
    until: float

    @property
    def seconds(self) -> float:
        return self.until - self.last_good


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Unavailability of one kind of operation on one group of shards.

    `gaps` are all times without an answer that count, in order: those in which an operation
    failed, and those longer than the stall bound. `failed` counts failed operations,
    `stalled` those that were answered after more than the bound.
    """

    kind: Kind
    hurt: bool
    gaps: tuple[Gap, ...]
    failed: int
    stalled: int

    @property
    def milliseconds(self) -> float:
        """Unavailable: the sum of all gaps."""
        return sum(gap.seconds for gap in self.gaps) * 1000

    @property
    def longest(self) -> Gap | None:
        return max(self.gaps, key=lambda gap: gap.seconds, default=None)

    @property
    def over(self) -> bool:
        """Whether it answered again at the end."""
        return all(gap.first_good is not None for gap in self.gaps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds of answered operations from when they were due; 0 where none was."""

    answered: int
    failed: int
    p50: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Answered and failed operations per bucket of time, for drawing.

    Bucket n holds what ended from ``begin + n * width`` on; seconds.
    """

    begin: float
    width: float
    good: tuple[int, ...]
    failed: tuple[int, ...]


def outage(seen: LoadSeen, kind: Kind, *, hurt: bool) -> Outage:
    """The times without an answer, by the rule in `Outage`."""
    raise NotImplementedError


def latency(ops: Iterable[Op]) -> Latency:
    """Median, 99th percentile and maximum, each a value that was measured (nearest rank)."""
    raise NotImplementedError


def track(ops: Iterable[Op], span: Span, width: float = BUCKET_SECONDS) -> Track:
    """The operations counted in buckets from the span's begin to its end."""
    raise NotImplementedError


def stall_bound(ops: Sequence[Op]) -> float:
    """Seconds without any answer that count as an outage though nothing failed."""
    raise NotImplementedError
