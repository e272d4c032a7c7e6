"""`events`: prints role changes and faults as they happen."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import field, replace
from datetime import UTC, datetime

from redistopo.errors import ExitCode, RedistopoError, TimedOut
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.state.command_rates import command_rates
from redistopo.model.state.diff import ChangeKind, StateChange, state_changes
from redistopo.model.state.last_known import LastKnown, update_last_known
from redistopo.model.state.observed import Observed
from redistopo.quick_dataclass import dataclass
from redistopo.session.watched_topology import TargetRequest, WatchedTarget, open_target


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One snapshot of many; `seen` is None if there is nothing to observe, `trouble` says why.

    `news` are the changes since the last one; in the first one with nodes, their states. `rates`
    are the commands per second since then, without our own; empty in the first one.
    """

    name: str
    at: datetime
    seen: Observed | None
    news: tuple[StateChange, ...]
    trouble: RedistopoError | None = None
    rates: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsRequest:
    """`seconds` is the duration (inf: until interrupted), `count` the maximum number of events (0:
    unlimited; initial states don't count), `pause` the seconds between snapshots."""

    sight: TargetRequest
    seconds: float
    count: int = 0
    pause: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsResult:
    """The number of events printed."""

    count: int
    code: ExitCode = field(default=ExitCode.DONE)


def events(request: EventsRequest, told: Callable[[Round], object]) -> EventsResult:
    """Report every round with events, until the count or the time is reached.

    Raises UsageError without a topology file; waits for a topology that doesn't exist yet.
    """
    count = 0
    with rounds(request.sight) as next_round:
        trouble = ""

        def look() -> bool | None:
            nonlocal count, trouble
            found = next_round()
            fresh = sum(one.kind is not ChangeKind.NOW for one in found.news)
            left = request.count - count if request.count else fresh
            why = found.trouble.message if found.trouble else ""
            if found.news or why != trouble:
                told(shortened(found, left))
            trouble = why
            count += min(fresh, left)
            return True if request.count and count >= request.count else None

        with suppress(TimedOut):
            pause = request.pause
            wait_for(look, Deadline(request.seconds), pause=pause, most=pause)
    return EventsResult(count=count)


def shortened(found: Round, most: int) -> Round:
    """Return the round with at most so many changes, not counting the states at the start."""
    kept: list[StateChange] = []
    for one in found.news:
        if one.kind is ChangeKind.NOW or most > 0:
            kept.append(one)
            most -= one.kind is not ChangeKind.NOW
    return Round(
        name=found.name, at=found.at, seen=found.seen, news=tuple(kept), trouble=found.trouble
    )


@contextmanager
def rounds(request: TargetRequest) -> Iterator[Callable[[], Round]]:
    """Return a function that takes a snapshot and compares it with the one before."""
    with open_target(replace(request, remembers=True)) as topology:
        yield Rounds(topology).next


class Rounds:
    """Follows one topology; `known` is its last known state, None before the first snapshot."""

    def __init__(self, topology: WatchedTarget) -> None:
        self.known: LastKnown | None = None
        self._topology = topology
        self._last: Observed | None = None
        self._taken = 0.0

    def next(self) -> Round:
        """Take a snapshot, and return the changes since the last one."""
        last, taken = self._last, self._taken
        self._taken = time.monotonic()
        self._last = seen = self._topology.snapshot()
        at = datetime.now(UTC)
        before = self.known
        if seen is not None:
            self.known = update_last_known(before, seen, at)
        elif before is not None:
            self.known = LastKnown(at=at, nodes=())
        return Round(
            name=self._topology.name,
            at=at,
            seen=seen,
            news=state_changes(before, self.known) if self.known else (),
            trouble=self._topology.trouble,
            rates=command_rates(last, seen, self._taken - taken) if seen else {},
        )
