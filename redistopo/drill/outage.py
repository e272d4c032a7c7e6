"""How long a service was unavailable, and its latencies: pure arithmetic on operations."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, floor

from redistopo.drill.load_result import LoadResult, Operation, OperationKind, TimeSpan
from redistopo.model.percentile import percentile

STALL_SECONDS = 0.5
"""No successful operation for this long is an outage, even if none failed."""

_STALL_MEDIANS = 20
BUCKET_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time without successful operations, after `last_good` and before `first_good`.

    It counts as an outage if an operation that was due in it failed, or if one waited in it for
    longer than `stall_bound`: a server that hangs raises no error, but serves no client.
    `first_error` is when the first failed operation was due (None: a stall); `first_good` is None
    if no operation succeeded any more, and `until` is then the end of the load.
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

    `gaps` are all gaps that count as outages, in order. `failed` counts failed operations,
    `stalled` those that succeeded after more than the stall bound.
    """

    kind: OperationKind
    hurt: bool
    gaps: tuple[Gap, ...]
    failed: int
    stalled: int

    @property
    def milliseconds(self) -> float:
        """Return the total of all gaps."""
        return sum(gap.seconds for gap in self.gaps) * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds of successful operations from when they were due; 0 if there were none."""

    answered: int
    failed: int
    p50: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Successful and failed operations in time buckets, for drawing.

    Bucket n holds operations that ended from ``begin + n * width`` on; seconds.
    """

    begin: float
    width: float
    good: tuple[int, ...]
    failed: tuple[int, ...]


def outage(seen: LoadResult, kind: OperationKind, *, hurt: bool) -> Outage:
    """Return the gaps that count as outages, by the rule in `Gap`.

    Each shard is examined by itself, and overlapping gaps of several shards count once.
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
    """Return the seconds of waiting that count as an outage though no operation failed.

    `STALL_SECONDS`, or 20 times the median latency if that is more: a server that always needs
    100 ms is slow, not unavailable.
    """
    took = sorted(op.took for op in ops if op.good)
    return max(STALL_SECONDS, _STALL_MEDIANS * percentile(took, 50)) if took else STALL_SECONDS


def _gaps(ops: Sequence[Operation], seen: LoadResult, bound: float) -> list[Gap]:
    """Return the gaps between one shard's successful operations that count as outages."""
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
    """Return whether an operation waited in the gap for longer than the bound, not counting the
    load's own hiccups."""
    whole = TimeSpan(gap.last_good, gap.until)
    if whole.seconds <= bound:
        return False
    own = sum(whole.overlap(hiccup) for hiccup in hiccups)
    waited = max(whole.overlap(TimeSpan(op.started, op.ended)) for op in ops)
    return waited - own > bound


def _joined(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Merge overlapping gaps, from the earliest start to the latest end; gaps with a successful
    operation between them stay apart."""
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


def latency(ops: Iterable[Operation]) -> Latency:
    """Return median, 99th percentile and maximum, each a measured value (nearest rank)."""
    all_of_them = tuple(ops)
    took = sorted(op.took * 1000 for op in all_of_them if op.good)
    failed = len(all_of_them) - len(took)
    if not took:
        return Latency(answered=0, failed=failed, p50=0, p99=0, most=0)
    return Latency(
        answered=len(took),
        failed=failed,
        p50=percentile(took, 50),
        p99=percentile(took, 99),
        most=took[-1],
    )


def track(
    ops: Iterable[Operation], span: TimeSpan, *, origin: float = 0.0, width: float = BUCKET_SECONDS
) -> Track:
    """Count the operations that ended in the span in buckets, one of which starts at `origin`."""
    first = floor((span.begin - origin) / width)
    count = max(1, ceil((span.end - origin) / width - 1e-9) - first)
    good, failed = [0] * count, [0] * count
    for op in ops:
        place = floor((op.ended - origin) / width) - first
        if 0 <= place < count:
            (good if op.good else failed)[place] += 1
    return Track(begin=origin + first * width, width=width, good=tuple(good), failed=tuple(failed))
