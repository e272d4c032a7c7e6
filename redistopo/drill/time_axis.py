"""The time axis of a drill's drawings: pure geometry, no pixels and no letters."""

from collections.abc import Mapping
from math import ceil, floor, log10

from redistopo.drill.drill_report import DrillReport, TimelineMoment, Traffic
from redistopo.drill.outage import Track
from redistopo.quick_dataclass import dataclass

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
        """Return where a time lies: 0 at the begin, 1 at the end, never outside."""
        return min(1.0, max(0.0, (at - self.begin) / self.seconds))

    def column(self, at: float, columns: int) -> int:
        """Return the column, of so many, in which a time lies."""
        return min(columns - 1, floor(self.place(at) * columns))


def axis_of(report: DrillReport) -> TimeAxis:
    """Return the axis that covers everything measured, including the fault and the repair."""
    tracks = [one.track for one in report.traffic]
    begins = [0.0, *(track.begin for track in tracks)]
    ends = [_LEAST_SECONDS, *(track.begin + track.width * len(track.good) for track in tracks)]
    times = [moment.at for moment in report.moments]
    if report.healed is not None:
        times.append(report.healed)
    return TimeAxis(begin=min([*begins, *times]), end=max([*ends, *times]))


def axis_ticks(axis: TimeAxis, most: int) -> tuple[float, ...]:
    """Return round times, including 0, at most so many; steps are 1, 2 or 5 times 10^n."""
    least = axis.seconds / max(1, most)
    power = floor(log10(least))
    step = next(
        factor * 10**power for factor in (1, 2, 5, 10) if factor * 10**power >= least * 0.999999
    )
    first, last = ceil(axis.begin / step - 1e-9), floor(axis.end / step + 1e-9)
    # not summed up: 0.1 + 0.2 is not a round number
    return tuple(round(n * step, 9) for n in range(first, last + 1))[:most]


def tick_label(at: float) -> str:
    """Return a tick's label: `0`, `+2s`, `-0.5s`."""
    return "0" if at == 0 else f"{at:+g}s"


@dataclass(frozen=True, slots=True)
class Cell:
    """Successful and failed operations in one column, per bucket of the track."""

    good: float
    failed: float


def track_cells(track: Track, axis: TimeAxis, columns: int) -> tuple[Cell | None, ...]:
    """Scale the track to so many columns; None where it has no data.

    A bucket belongs to the column of its middle; a column between two middles shows the bucket
    that contains it.
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
    """Return the traffic whose gaps are drawn: the affected shards' writes, or else reads; None if
    neither had an outage."""
    parts = (report.part(name) for name in ("writes", "reads"))
    return next((part for part in parts if part and part.gaps), None)


def moments_by_source(
    moments: tuple[TimelineMoment, ...],
) -> Mapping[str, tuple[TimelineMoment, ...]]:
    """Group moments by source, in order; sources in the order of their first moment."""
    found: dict[str, list[TimelineMoment]] = {}
    for moment in sorted(moments, key=lambda one: one.at):
        found.setdefault(moment.source, []).append(moment)
    return {source: tuple(some) for source, some in found.items()}


def changed_roles(report: DrillReport) -> tuple[tuple[str, str, str], ...]:
    """Return node, role before, role after, for each that changed; "gone" if it is missing."""
    names = {**report.roles_before, **report.roles_after}
    pairs = (
        (name, report.roles_before.get(name, "gone"), report.roles_after.get(name, "gone"))
        for name in names
    )
    return tuple(one for one in pairs if one[1] != one[2])
