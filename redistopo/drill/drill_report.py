"""The report of a failover drill, and how it is judged."""

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from enum import StrEnum

from redistopo.drill.growth_phase import GrowthPhase
from redistopo.drill.load_result import LoadResult, LostWrite, OperationKind, errors_by_kind
from redistopo.drill.outage import (
    PRECISION_SECONDS,
    Gap,
    Latency,
    Outage,
    Track,
    latency,
    outage,
    track,
)
from redistopo.errors import ExitCode
from redistopo.quick_dataclass import dataclass

CLIENTS = "clients"
"""The source of moments that clients saw."""

AFTERMATH_SECONDS = 1.0
"""If no operation failed, "during" ends this long after the fault."""


class TimelineKind(StrEnum):
    """The kind of a moment; it decides the mark in drawings."""

    FAULT = "fault"  # what the drill did
    SUSPECTED = "suspected"  # PFAIL, +sdown
    FAILED = "failed"  # FAIL, +odown
    ELECTION = "election"
    PROMOTED = "promoted"  # a replica became primary, +switch-master
    CLIENT = "client"  # last good, first error, first good
    REPAIRED = "mended"  # what the drill did to repair, and the results
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineMoment:
    """Something that happened, `at` seconds after the fault (negative: before).

    `source` is a node's name, a Sentinel's, "clients" or "drill".
    """

    at: float
    source: str
    text: str
    kind: TimelineKind = TimelineKind.NOTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """Latencies before the fault, until service was back, and after."""

    before: Latency
    during: Latency
    after: Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """One kind of operation on the affected shards, or on the others, as clients saw it.

    Moments in `gaps` and `track` are seconds after the fault. `unavailable` is in
    milliseconds; `longest` is the longest of the gaps. `at_least` and `at_most` are its bounds;
    `bounded` is whether they are too far apart for the figure alone, and `blurred` whether that is
    so because the machine was too busy for the clients of the load.
    """

    name: str  # "writes", "reads", "other writes", "other reads"
    kind: OperationKind
    hurt: bool
    unavailable: float
    at_least: float
    at_most: float
    bounded: bool
    blurred: bool
    gaps: tuple[Gap, ...]
    failed: int
    stalled: int
    errors: Mapping[str, int]
    latencies: Phases
    track: Track

    @property
    def longest(self) -> Gap | None:
        return max(self.gaps, key=lambda gap: gap.seconds, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writes:
    """The fate of the writes on all shards; `wait_replicas` is N of WAIT (0: not used)."""

    acknowledged: int
    lost: int
    unchecked: int
    examples: tuple[LostWrite, ...]
    wait_replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of the drill: seconds of downtime, and lost writes (None: any number)."""

    seconds: float
    most_lost: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillReport:
    """One drill, from the fault to the repaired topology.

    `began` is the wall clock at the fault (ISO 8601, UTC, ms); `roles_before` and `roles_after`
    map node names to roles; `healed` is the seconds until everything was verified healthy (None:
    never); `traffic` is empty if no load ran. `reasons` are why it failed. Only a drill of growth
    has `phases`, and counts the reads that were `missing` an acknowledged write (None: not
    measured).
    """

    topology: str
    shape: str
    engine: str
    redistopo: str
    began: str
    fault: str
    target: str
    planned: bool
    budget: Budget
    traffic: tuple[Traffic, ...]
    writes: Writes
    moments: tuple[TimelineMoment, ...]
    roles_before: Mapping[str, str]
    roles_after: Mapping[str, str]
    healed: float | None
    rate: int = 0
    clients: int = 0
    notes: tuple[str, ...] = ()
    passed: bool = True
    reasons: tuple[str, ...] = field(default=())
    phases: tuple[GrowthPhase, ...] = ()
    missing: int | None = None

    @property
    def code(self) -> ExitCode:
        return ExitCode.DONE if self.passed else ExitCode.FAULT

    def part(self, name: str) -> Traffic | None:
        """Return the traffic of that name."""
        return next((one for one in self.traffic if one.name == name), None)


def summarize_traffic(
    seen: LoadResult, fault: float, *, back: float | None = None
) -> tuple[Traffic, ...]:
    """Return what clients saw, relative to the fault (a time on the load's clock).

    Other shards than the affected are included only if there are any. `back` is when all was as
    before (None: when clients were served again).
    """
    parts = (
        (OperationKind.WRITE, True),
        (OperationKind.READ, True),
        (OperationKind.WRITE, False),
        (OperationKind.READ, False),
    )
    away = {part: outage(seen, part[0], hurt=part[1]) for part in parts}
    ends = [gap.until for part in parts[:2] for gap in away[part].gaps if gap.until > fault]
    until = back or max(ends, default=fault + AFTERMATH_SECONDS)
    return tuple(
        _traffic(seen, away[part], fault, until) for part in parts if seen.of(part[0], hurt=part[1])
    )


def _traffic(seen: LoadResult, away: Outage, fault: float, back: float) -> Traffic:
    ops = seen.of(away.kind, hurt=away.hurt)
    counted = track(ops, seen.span, origin=fault)
    return Traffic(
        name=f"{'' if away.hurt else 'other '}{away.kind.value}s",
        kind=away.kind,
        hurt=away.hurt,
        unavailable=away.milliseconds,
        at_least=away.at_least,
        at_most=away.at_most,
        bounded=away.at_most - away.at_least > PRECISION_SECONDS * 1000,
        blurred=any(gap.blurred for gap in away.gaps),
        gaps=tuple(_since(gap, fault) for gap in away.gaps),
        failed=away.failed,
        stalled=away.stalled,
        errors=errors_by_kind(ops),
        latencies=Phases(
            before=latency(op for op in ops if op.started < fault),
            during=latency(op for op in ops if fault <= op.started < back),
            after=latency(op for op in ops if op.started >= back),
        ),
        track=replace(counted, begin=counted.begin - fault),
    )


def _since(gap: Gap, fault: float) -> Gap:
    return replace(
        gap,
        last_good=gap.last_good - fault,
        first_error=None if gap.first_error is None else gap.first_error - fault,
        first_good=None if gap.first_good is None else gap.first_good - fault,
        until=gap.until - fault,
        earliest=gap.earliest - fault,
    )


def client_moments(traffic: tuple[Traffic, ...]) -> tuple[TimelineMoment, ...]:
    """Return last good, first failed and next good operation around the longest gap."""
    found = []
    for one in traffic:
        gap = one.longest
        if not one.hurt or gap is None:
            continue
        edges = (
            (gap.last_good, f"last good {one.kind.value}"),
            (gap.first_error, f"first failed {one.kind.value}"),
            (gap.first_good, f"first good {one.kind.value} again"),
        )
        found += [
            TimelineMoment(at=at, source=CLIENTS, text=text, kind=TimelineKind.CLIENT)
            for at, text in edges
            if at is not None
        ]
    return tuple(sorted(found, key=lambda moment: moment.at))


def summarize_writes(seen: LoadResult, fault: float) -> Writes:
    """Return the fate of the writes; the examples' times are relative to the fault."""
    return Writes(
        acknowledged=seen.acknowledged,
        lost=seen.lost,
        unchecked=seen.unchecked,
        examples=tuple(
            replace(one, acknowledged=one.acknowledged - fault) for one in seen.examples
        ),
        wait_replicas=seen.wait_replicas,
    )


def with_verdict(report: DrillReport) -> DrillReport:
    """Return the report with its verdict.

    A drill passes if the downtime of writes, and of reads, on the affected shards is within the
    budget (on a machine that was too busy to measure it: if what is proven of it is); if they were
    served again; if no more writes were lost than the budget allows (none in a planned failover;
    any number, but reported, in an unplanned one, because replication is asynchronous); if every
    acknowledged write could be checked; and if all was healthy at the end.
    """
    reasons = (*_downtime_reasons(report), *_lost_write_reasons(report))
    if report.healed is None:
        reasons = (*reasons, "the topology was not verified healthy again")
    return replace(report, passed=not reasons, reasons=reasons)


def _downtime_reasons(report: DrillReport) -> Iterator[str]:
    if not any(one.hurt for one in report.traffic):
        yield "no client used the affected shards, so nothing was measured"
    for one in report.traffic:
        if not one.hurt:
            continue
        if one.gaps and one.gaps[-1].first_good is None:
            yield f"{one.name} were not served again"
            continue
        least = "at least " if one.blurred else ""
        judged = one.at_least if one.blurred else one.unavailable
        if judged > report.budget.seconds * 1000:
            yield (
                f"{one.name} were unavailable for {least}{judged:.0f} ms, more than the "
                f"budget of {report.budget.seconds * 1000:.0f} ms"
            )


def _lost_write_reasons(report: DrillReport) -> Iterator[str]:
    writes = report.writes
    most = 0 if report.planned else report.budget.most_lost
    if most is not None and writes.lost > most:
        allowed = "a planned failover allows none" if report.planned else f"budget {most}"
        yield f"acknowledged writes lost: {writes.lost} ({allowed})"
    if writes.unchecked:
        yield f"acknowledged writes that could not be read back: {writes.unchecked}"
