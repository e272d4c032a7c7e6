"""What a drill may say of the takeovers that it waited for: pure."""

from collections.abc import Iterable, Mapping, Sequence

from redistopo.drill.drill_report import TimelineKind, TimelineMoment
from redistopo.drill.server_log_events import LogEvent
from redistopo.model.planning.promotability import Promotability

_FLAGGED = (TimelineKind.SUSPECTED, TimelineKind.FAILED)


def last_flagged(victims: Iterable[str], events: Iterable[LogEvent]) -> float | None:
    """Return when the last of these nodes was first flagged as failing; None if one isn't yet."""
    first: dict[str, float] = {}
    for event in events:
        if event.kind in _FLAGGED:
            first.setdefault(event.about, event.at)
    found = [first.get(name) for name in victims]
    known = [one for one in found if one is not None]
    return max(known) if known and len(known) == len(found) else None


def missing_takeovers(
    takeovers: Sequence[Promotability], moments: Iterable[TimelineMoment], waited: float
) -> str:
    """Return which primaries no replica took over from in the seconds waited; "" for none.

    The servers' own events count, not only what the drill saw in time: on a busy machine it may
    see a takeover late, or the takeover may come while the drill already repairs the topology.
    """
    promoted: dict[str, float] = {}
    for moment in moments:
        if moment.kind is TimelineKind.PROMOTED:
            at = promoted.get(moment.source, moment.at)
            promoted[moment.source] = min(at, moment.at)
    missing = [one for one in takeovers if not _heirs(one, promoted, until=waited)]
    if not missing:
        return ""
    whom = f" from {', '.join(one.primary for one in missing)}" if len(takeovers) > 1 else ""
    text = f"no replica took over{whom} within {int(waited)} s"
    late = {name: at for one in missing for name, at in _heirs(one, promoted).items()}
    after = [f"{name} did after {at:.1f} s" for name, at in late.items()]
    return f"{text}; {', '.join(after)}, while the drill repaired the topology" if after else text


def _heirs(
    takeover: Promotability, promoted: Mapping[str, float], until: float = float("inf")
) -> dict[str, float]:
    """The candidates that took over until then, and when."""
    names = [one.name for one in takeover.candidates if one.name in promoted]
    return {name: promoted[name] for name in names if promoted[name] <= until}
