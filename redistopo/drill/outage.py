"""How long a service was unavailable, and its latencies: pure arithmetic on operations."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import ceil, floor

from redistopo.client.app_clients import ANSWER_SECONDS
from redistopo.drill.load_result import (
    LoadResult,
    Operation,
    OperationKind,
    ServedSpan,
    TimeSpan,
)
from redistopo.model.percentile import percentile
from redistopo.quick_dataclass import dataclass

STALL_SECONDS = 0.5
"""No successful operation for this long is an outage, even if none failed."""

PRECISION_SECONDS = 0.15
"""A downtime whose bounds are further apart than this is reported with them."""

_STALL_MEDIANS = 20
_DELAY_SECONDS = 0.05
BUCKET_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time without successful operations, after `last_good` and before `first_good`.

    It counts as an outage if an operation that was sent in it failed, or if one waited in it for
    longer than `stall_bound`: a server that hangs raises no error, but serves no client.
    `first_error` is when the first failed operation was sent (None: a stall); `first_good` is None
    if no operation succeeded any more, and `until` is then the end of the load.

    A busy machine lets a client send late and read a reply late. What holds nevertheless: the
    outage didn't begin before `earliest`, when the last successful operation was sent, and the
    operations that failed prove `at_least` so many seconds of it. `delayed` are the seconds in
    which the load's own process did not run while the outage began or ended.
    """

    last_good: float
    first_error: float | None
    first_good: float | None
    until: float
    earliest: float
    at_least: float
    delayed: float

    @property
    def seconds(self) -> float:
        return self.until - self.last_good

    @property
    def at_most(self) -> float:
        return self.until - self.earliest

    @property
    def blurred(self) -> bool:
        """Whether the machine was too busy to measure this gap precisely."""
        return self.at_most - self.at_least > PRECISION_SECONDS and self.delayed > _DELAY_SECONDS


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

    @property
    def at_least(self) -> float:
        """Return the milliseconds that are proven."""
        return sum(gap.at_least for gap in self.gaps) * 1000

    @property
    def at_most(self) -> float:
        """Return the milliseconds that are possible."""
        return sum(gap.at_most for gap in self.gaps) * 1000


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
        mine = [op for op in ops if op.shard == shard]
        served = [one for one in seen.served if one.shard == shard and one.kind is kind]
        found += _probed_gaps(served, mine, seen, bound) if served else _gaps(mine, seen, bound)
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
    """Return the gaps between one shard's successful operations that count as outages.

    Only operations that were sent are evidence: not those that a client dropped, because it or the
    machine was busy.
    """
    sent = [op for op in ops if op.waited is not None]
    if not sent:
        return []
    begin = min(op.sent for op in sent)
    good = sorted((op for op in sent if op.good), key=lambda op: op.ended)
    answers = [op.ended for op in good]
    edges = [begin, *answers, max(seen.span.end, answers[-1] if answers else begin)]
    failed: dict[int, list[Operation]] = {}
    for op in sent:
        if not op.good:
            failed.setdefault(bisect_left(answers, op.sent), []).append(op)
    found = []
    earliest = begin
    for place, (last, following) in enumerate(pairwise(edges)):
        if place:
            earliest = max(earliest, good[place - 1].sent)
        within = TimeSpan(last, following)
        some = failed.get(place, [])
        stall = _stalled(within, sent, seen.hiccups, bound)
        if not some and not stall:
            continue
        proven = _proven(within, some)
        found.append(
            Gap(
                last_good=last,
                first_error=min((op.sent for op in some), default=None),
                first_good=following if place < len(answers) else None,
                until=following,
                earliest=min(earliest, last),
                at_least=min(within.seconds, max(proven.seconds, stall)),
                delayed=_delayed(
                    seen, TimeSpan(earliest, proven.begin), TimeSpan(proven.end, following)
                ),
            )
        )
    return found


def _probed_gaps(
    served: Sequence[ServedSpan], ops: Iterable[Operation], seen: LoadResult, bound: float
) -> list[Gap]:
    """Return the gaps in which no node of a shard served the probe, and that clients noticed."""
    failed = [op for op in ops if not op.good and op.waited is not None]
    spans = sorted(served, key=lambda one: one.begin)
    found = []
    last = spans[0]
    for following in (*spans[1:], None):
        if following is None and last.latest >= seen.span.end:
            break  # it served until the end
        until = following.begin if following else max(seen.span.end, last.end)
        if until > max(last.end, seen.span.begin):
            # the gap of a service that is back is proven until then, that of another to the end
            back = TimeSpan(following.earliest if following else until, until)
            proven = back.begin - last.latest
            gap = Gap(
                last_good=last.end,
                first_error=min(
                    (op.sent for op in failed if last.end <= op.sent < until), default=None
                ),
                first_good=following.begin if following else None,
                until=until,
                earliest=last.sent,
                at_least=min(max(0.0, proven), until - last.end),
                delayed=_delayed(seen, TimeSpan(last.sent, last.latest), back),
            )
            # without a failed operation, a probe that stood still itself proves nothing
            if gap.at_least > bound or any(
                op.sent < until and op.ended > last.end for op in failed
            ):
                found.append(gap)
        if following and following.end > last.end:
            last = following
    return found


def _delayed(seen: LoadResult, *edges: TimeSpan) -> float:
    """Return the seconds of these spans in which the load's own process did not run."""
    return sum(edge.overlap(hiccup) for edge in edges for hiccup in seen.hiccups)


def _proven(within: TimeSpan, failed: Iterable[Operation]) -> TimeSpan:
    """Return the span between the end of the first failed operation and the sending of the last.

    One that timed out had no reply for that long, whenever within its time the client waited.
    """
    begin, end = within.end, within.begin
    for op in failed:
        silent = min(op.ended - op.sent, ANSWER_SECONDS) if op.error == "Timeout" else 0.0
        begin, end = min(begin, op.ended - silent), max(end, op.sent + silent)
    begin = max(begin, within.begin)
    return TimeSpan(begin, max(begin, min(end, within.end)))


def _stalled(
    gap: TimeSpan, ops: Iterable[Operation], hiccups: Iterable[TimeSpan], bound: float
) -> float:
    """Return how long an operation waited in the gap, not counting the load's own hiccups; 0 if
    that is not longer than the bound."""
    if gap.seconds <= bound:
        return 0.0
    own = sum(gap.overlap(hiccup) for hiccup in hiccups)
    waited = max(gap.overlap(TimeSpan(op.sent, op.ended)) for op in ops) - own
    return waited if waited > bound else 0.0


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
            earliest=min(last.earliest, gap.earliest),
            at_least=max(last.at_least, gap.at_least),
            delayed=max(last.delayed, gap.delayed),
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
