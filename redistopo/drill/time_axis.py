"""A drill's time axis, for every drawing of it: pure geometry, no pixels and no letters."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, log10

from redistopo.drill.outage import Track
from redistopo.drill.report import DrillReport, TimelineMoment, Traffic

_LEAST_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAxis:
    """From `begin` to `end`, in seconds after the fault."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin

    def place(self, at: float) -> float:
        """Where a moment lies: 0 at the begin, 1 at the end, never outside."""
        return min(1.0, max(0.0, (at - self.begin) / self.seconds))

    def column(self, at: float, columns: int) -> int:
        """In which of so many columns a moment lies."""
        return min(columns - 1, floor(self.place(at) * columns))


def axis_of(report: DrillReport) -> TimeAxis:
    """All that was measured or told, the fault and the end of mending included."""
    begins = [0.0, *(one.track.begin for one in report.traffic)]
    ends = [_LEAST_SECONDS, *(_end(one.track) for one in report.traffic)]
    told = [moment.at for moment in report.moments]
    if report.healed is not None:
        told.append(report.healed)
    return TimeAxis(begin=min([*begins, *told]), end=max([*ends, *told]))


def _end(track: Track) -> float:
    return track.begin + track.width * len(track.good)


def axis_ticks(axis: TimeAxis, most: int) -> tuple[float, ...]:
    """Round moments, 0 among them, so many at the most; steps are 1, 2 or 5 times 10^n."""
    least = axis.seconds / max(1, most)
    power = floor(log10(least))
    step = next(
        factor * 10**power for factor in (1, 2, 5, 10) if factor * 10**power >= least * 0.999999
    )
    first, last = ceil(axis.begin / step - 1e-9), floor(axis.end / step + 1e-9)
    # not summed up: 0.1 + 0.2 is no round moment
    return tuple(round(n * step, 9) for n in range(first, last + 1))[:most]


def tick_label(at: float) -> str:
    """A tick's label: `0`, `+2s`, `-0.5s`."""
    return "0" if at == 0 else f"{at:+g}s"


@dataclass(frozen=True, slots=True)
class Cell:
    """Answered and failed operations in one column, per bucket of the track."""

    good: float
    failed: float


def track_cells(track: Track, axis: TimeAxis, columns: int) -> tuple[Cell | None, ...]:
    """The track in so many columns; None where it doesn't reach.

    A bucket belongs to the column of its middle; a column between two middles shows the
    bucket that it lies in.
    """
    held: list[list[int]] = [[] for _ in range(columns)]
    for place in range(len(track.good)):
        held[axis.column(track.begin + (place + 0.5) * track.width, columns)].append(place)
    found: list[Cell | None] = []
    for column, mine in enumerate(held):
        middle = axis.begin + (column + 0.5) / columns * axis.seconds
        around = floor((middle - track.begin) / track.width)
        places = mine or ([around] if 0 <= around < len(track.good) else [])
        found.append(
            Cell(
                sum(track.good[place] for place in places) / len(places),
                sum(track.failed[place] for place in places) / len(places),
            )
            if places
            else None
        )
    return tuple(found)


def gaps_drawn(report: DrillReport) -> Traffic | None:
    """The traffic whose gaps are drawn: the hurt shards' writes, or else reads; None where
    neither was ever away."""
    parts = (report.part(name) for name in ("writes", "reads"))
    return next((part for part in parts if part and part.gaps), None)


def moments_by_source(
    moments: tuple[TimelineMoment, ...],
) -> Mapping[str, tuple[TimelineMoment, ...]]:
    """The moments of each source in order; sources in the order of their first moment."""
    found: dict[str, list[TimelineMoment]] = {}
    for moment in sorted(moments, key=lambda one: one.at):
        found.setdefault(moment.source, []).append(moment)
    return {source: tuple(some) for source, some in found.items()}


def changed_roles(report: DrillReport) -> tuple[tuple[str, str, str], ...]:
    """Node, role before, role after, of those that changed; "gone" for one that is missing."""
    names = {**report.roles_before, **report.roles_after}
    pairs = (
        (name, report.roles_before.get(name, "gone"), report.roles_after.get(name, "gone"))
        for name in names
    )
    return tuple(one for one in pairs if one[1] != one[2])
