"""What clients noticed in each phase of a drill of growth: pure arithmetic on operations."""

from collections.abc import Iterable

from redistopo.drill.load_result import LoadResult, Operation, OperationKind, TimeSpan
from redistopo.drill.proving_worker import MISSING
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthPhase:
    """A phase of a drill of growth: "before", "out", "between", "in" and "after".

    `begin` and `end` are seconds after the first change. `slots` and `keys` moved in it;
    `longest_write` and `longest_read` are in milliseconds, from when an operation was first sent
    until it succeeded, with all attempts, and without the time in which the load's own process did
    not run. `failed` operations were sent and did not succeed at all; `missing` reads did not
    return an acknowledged write.
    """

    name: str
    begin: float
    end: float
    slots: int
    keys: int
    longest_write: float
    longest_read: float
    failed: int
    missing: int

    @property
    def longest(self) -> float:
        """Return the longest wait of any client, in milliseconds."""
        return max(self.longest_write, self.longest_read)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSpan:
    """When a phase was, on the load's clock, and what moved in it."""

    name: str
    span: TimeSpan
    slots: int = 0
    keys: int = 0


def phases_of(
    seen: LoadResult, spans: Iterable[PhaseSpan], origin: float
) -> tuple[GrowthPhase, ...]:
    """Return the phases, relative to `origin`. An operation counts in each phase in which it was
    under way."""
    return tuple(_phase(seen, one, origin) for one in spans)


def _phase(seen: LoadResult, one: PhaseSpan, origin: float) -> GrowthPhase:
    begin, end = one.span.begin, one.span.end
    sent = (op for op in seen.ops if op.waited is not None)
    ops = [op for op in sent if op.sent < end and op.ended >= begin]
    return GrowthPhase(
        name=one.name,
        begin=begin - origin,
        end=end - origin,
        slots=one.slots,
        keys=one.keys,
        longest_write=_longest(seen, ops, OperationKind.WRITE),
        longest_read=_longest(seen, ops, OperationKind.READ),
        failed=sum(not op.good and op.error != MISSING for op in ops),
        missing=sum(op.error == MISSING for op in ops),
    )


def _longest(seen: LoadResult, ops: Iterable[Operation], kind: OperationKind) -> float:
    waits = (_waited(seen, op) for op in ops if op.kind is kind)
    return max(waits, default=0.0) * 1000


def _waited(seen: LoadResult, op: Operation) -> float:
    span = TimeSpan(op.sent, op.ended)
    return max(0.0, span.seconds - sum(span.overlap(one) for one in seen.hiccups))
