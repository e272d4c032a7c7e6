"""How long a service was away, and how fast it answered: pure arithmetic on operations."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, floor

from redistopo.drill.operations import LoadResult, Operation, OperationKind, TimeSpan

STALL_SECONDS = 0.5
"""Nothing answered for this long is an outage, also where no operation failed."""

_STALL_MEDIANS = 20
BUCKET_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Nobody was answered after `last_good` and before `first_good`.

    It counts as an outage when an operation that was due in it failed, or when one waited in
    it for longer than `stall_bound`: a server that hangs raises no error, but nobody is
    served. `first_error` is when the first of those that failed was due (None: a stall);
    `first_good` is None where no answer came any more, and `until` the end of the load then.
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

    `gaps` are all times without an answer that count, in order. `failed` counts failed
    operations, `stalled` those that were answered after more than the stall bound.
    """

    kind: OperationKind
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


def outage(seen: LoadResult, kind: OperationKind, *, hurt: bool) -> Outage:
    """The times without an answer, by the rule in `Gap`.

    Shards are looked at one by one, and a time counts once: with several in a group, a gap
    is one of any of them.
    """
    ops = seen.of(kind, hurt=hurt)
    found: list[Gap] = []
    bound = stall_bound(ops)
    for shard in {op.shard for op in ops}:
        found += _gaps([op for op in ops if op.shard == shard], seen, bound)
    return Outage(
        kind=kind,
        hurt=hurt,
        gaps=_joined(found),
        failed=sum(not op.good for op in ops),
        stalled=sum(op.good and op.took > bound for op in ops),
    )


def stall_bound(ops: Iterable[Operation]) -> float:
    """Seconds of waiting that count as an outage though nothing failed.

    `STALL_SECONDS`, or 20 medians of what an answer takes here where that is more: a server
    that always needs 100 ms is slow, not away.
    """
    took = sorted(op.took for op in ops if op.good)
    return max(STALL_SECONDS, _STALL_MEDIANS * nearest_rank(took, 50)) if took else STALL_SECONDS


def _gaps(ops: Sequence[Operation], seen: LoadResult, bound: float) -> list[Gap]:
    """Between the answers of one shard, in order, those gaps that count."""
    begin = min(op.started for op in ops)
    answers = sorted(op.ended for op in ops if op.good)
    edges = [begin, *answers, max(seen.span.end, answers[-1] if answers else begin)]
    failed: dict[int, float] = {}
    for op in ops:
        if not op.good:
            place = bisect_left(answers, op.started)
            failed[place] = min(op.started, failed.get(place, op.started))
    found = []
    for place, (last, following) in enumerate(pairwise(edges)):
        gap = Gap(
            last_good=last,
            first_error=failed.get(place),
            first_good=following if place < len(answers) else None,
            until=following,
        )
        if place in failed or _stalled(gap, ops, seen.hiccups, bound):
            found.append(gap)
    return found


def _stalled(gap: Gap, ops: Iterable[Operation], hiccups: Iterable[TimeSpan], bound: float) -> bool:
    """Whether an operation waited in the gap for longer than the bound, the load's own
    hiccups taken off."""
    whole = TimeSpan(gap.last_good, gap.until)
    if whole.seconds <= bound:
        return False
    own = sum(whole.overlap(hiccup) for hiccup in hiccups)
    waited = max(whole.overlap(TimeSpan(op.started, op.ended)) for op in ops)
    return waited - own > bound


def _joined(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Gaps that overlap become one, from the earliest begin to the latest end; those with an
    answer between them stay two."""
    found: list[Gap] = []
    for gap in sorted(gaps, key=lambda one: one.last_good):
        if not found or gap.last_good >= found[-1].until:
            found.append(gap)
            continue
        last = found[-1]
        errors = [one for one in (last.first_error, gap.first_error) if one is not None]
        late = gap if gap.until > last.until else last
        found[-1] = replace(
            last,
            first_error=min(errors, default=None),
            first_good=late.first_good,
            until=late.until,
        )
    return tuple(found)


def nearest_rank(ordered: Sequence[float], percent: float) -> float:
    """The percentile of an ordered, non-empty sequence; always one of its values."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def latency(ops: Iterable[Operation]) -> Latency:
    """Median, 99th percentile and maximum, each a value that was measured (nearest rank)."""
    all_of_them = tuple(ops)
    took = sorted(op.took * 1000 for op in all_of_them if op.good)
    failed = len(all_of_them) - len(took)
    if not took:
        return Latency(answered=0, failed=failed, p50=0, p99=0, most=0)
    return Latency(
        answered=len(took),
        failed=failed,
        p50=nearest_rank(took, 50),
        p99=nearest_rank(took, 99),
        most=took[-1],
    )


def track(
    ops: Iterable[Operation], span: TimeSpan, *, origin: float = 0.0, width: float = BUCKET_SECONDS
) -> Track:
    """The operations that ended in the span, counted in buckets; one begins at `origin`."""
    first = floor((span.begin - origin) / width)
    count = max(1, ceil((span.end - origin) / width - 1e-9) - first)
    good, failed = [0] * count, [0] * count
    for op in ops:
        place = floor((op.ended - origin) / width) - first
        if 0 <= place < count:
            (good if op.good else failed)[place] += 1
    return Track(begin=origin + first * width, width=width, good=tuple(good), failed=tuple(failed))
