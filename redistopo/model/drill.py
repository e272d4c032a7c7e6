"""A failover drill as it was: what is reported, and how it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from redistopo.errors import ExitCode
from redistopo.model.load import Kind, LoadSeen, LostWrite, Span, errors_by_kind
from redistopo.model.outage import Gap, Latency, Outage, Track, latency, outage, track

CLIENTS = "clients"
"""The source of moments that users' clients saw."""


class MomentKind(StrEnum):
    """What sort of thing happened; it decides the mark in the drawing."""

    FAULT = "fault"  # what the drill did
    SUSPECTED = "suspected"  # PFAIL, +sdown
    FAILED = "failed"  # FAIL, +odown
    ELECTION = "election"
    PROMOTED = "promoted"  # a replica became primary, +switch-master
    CLIENT = "client"  # last good, first error, first good
    MENDED = "mended"  # what the drill did to mend, and what came of it
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened, `at` seconds after the fault (below 0: before).

    `source` is a node's name, a Sentinel's, "clients" or "drill".
    """

    at: float
    source: str
    text: str
    kind: MomentKind = MomentKind.NOTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """Latencies before the fault, until service was back, and after."""

    before: Latency
    during: Latency
    after: Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """One kind of operation on the hurt shards, or on the others, as clients saw it.

    Moments in `gaps` and `track` are seconds after the fault. `unavailable` is in
    milliseconds; `longest` is the longest of the gaps.
    """

    name: str  # "writes", "reads", "other writes", "other reads"
    kind: Kind
    hurt: bool
    unavailable: float
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
    """What became of the writes on all shards; `wait_replicas` is N of WAIT (0: not used)."""

    acknowledged: int
    lost: int
    unchecked: int
    examples: tuple[LostWrite, ...]
    wait_replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the drill has to keep: seconds without service; lost writes (None: any number)."""

    seconds: float
    most_lost: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillReport:
    """One drill, from the fault to the mended topology.

    `began` is the wall clock at the fault (ISO 8601, UTC, ms); `roles_before`, `roles_after`
    map a node's name to its role; `healed` is after how many seconds all was verified healthy
    (None: never); `traffic` is empty where no load ran. `reasons` say why it failed.
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
    moments: tuple[Moment, ...]
    roles_before: Mapping[str, str]
    roles_after: Mapping[str, str]
    healed: float | None
    rate: int = 0
    clients: int = 0
    notes: tuple[str, ...] = ()
    passed: bool = True
    reasons: tuple[str, ...] = field(default=())

    @property
    def code(self) -> ExitCode:
        return ExitCode.DONE if self.passed else ExitCode.FAULT

    def part(self, name: str) -> Traffic | None:
        """The traffic of that name."""
        return next((one for one in self.traffic if one.name == name), None)


def traffic_of(seen: LoadSeen, fault: float) -> tuple[Traffic, ...]:
    """What clients saw, relative to the fault (a moment on the load's clock)."""
    raise NotImplementedError


def client_moments(traffic: tuple[Traffic, ...]) -> tuple[Moment, ...]:
    """Last good, first error and first good operation on the hurt shards, as moments."""
    raise NotImplementedError


def writes_of(seen: LoadSeen) -> Writes:
    """What became of the writes."""
    raise NotImplementedError


def judged(report: DrillReport) -> DrillReport:
    """The same report with its verdict.

    It passes when clients on the hurt shards were without writes, and without reads, for no
    longer than the budget, when they were served again, when no more writes were lost than
    the budget allows (none at all in a planned failover; any number, but reported, in an
    unplanned one, for replication is asynchronous), and when all was healthy in the end.
    """
    raise NotImplementedError
