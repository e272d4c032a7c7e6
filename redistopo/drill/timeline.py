"""Merges events from server logs and polled servers into one short timeline."""

from collections.abc import Iterable, Iterator

from redistopo.drill.drill_report import TimelineKind, TimelineMoment
from redistopo.drill.server_log_events import LogEvent
from redistopo.quick_dataclass import dataclass

SourcedEvent = tuple[str, LogEvent]
"""The server that reported an event, and the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvents:
    """Events from `logs`, exact to the millisecond, and `observed` ones, slightly later; `clock` is
    the fault's time in seconds since the epoch."""

    clock: float
    victims: frozenset[str]
    logs: tuple[SourcedEvent, ...]
    observed: tuple[SourcedEvent, ...]


def merge_events(events: ServerEvents) -> tuple[TimelineMoment, ...]:
    """Return the servers' events in order, each once.

    If several nodes flag a node as failing, the first event is kept. Observed events are used
    only if the logs have none of the kind. Of reports that the cluster is down the first is kept,
    and of reports that it is ok the last.
    """
    logs = [one for one in events.logs if one[1].at >= events.clock - 0.001]
    observed = [one for one in events.observed if one[1].at >= events.clock - 0.001]
    # events with equal times keep this order
    found: list[SourcedEvent] = []
    for kind in (TimelineKind.SUSPECTED, TimelineKind.FAILED):
        found += _first_about(one for one in (*logs, *observed) if one[1].kind is kind)
    found += [one for one in logs if one[1].kind in (TimelineKind.ELECTION, TimelineKind.REPAIRED)]
    found += _promotions(logs, observed)
    found += _once(one for one in logs if one[1].kind is TimelineKind.NOTE)
    found += _states(observed, events.victims)
    found.sort(key=lambda one: one[1].at)
    return tuple(
        TimelineMoment(at=one.at - events.clock, source=name, text=one.text, kind=one.kind)
        for name, one in found
    )


def _first_about(some: Iterable[SourcedEvent]) -> Iterator[SourcedEvent]:
    first: dict[str, SourcedEvent] = {}
    for one in sorted(some, key=lambda one: one[1].at):
        first.setdefault(one[1].about, one)
    yield from first.values()


def _promotions(logs: list[SourcedEvent], observed: list[SourcedEvent]) -> Iterator[SourcedEvent]:
    by_log = [one for one in logs if one[1].kind is TimelineKind.PROMOTED]
    yield from by_log
    known = {name for name, _event in by_log}
    yield from (
        one for one in observed if one[1].kind is TimelineKind.PROMOTED and one[0] not in known
    )


def _once(some: Iterable[SourcedEvent]) -> Iterator[SourcedEvent]:
    known: set[tuple[str, str]] = set()
    for name, event in some:
        if (name, event.text) not in known:
            known.add((name, event.text))
            yield name, event


def _states(observed: list[SourcedEvent], victims: frozenset[str]) -> Iterator[SourcedEvent]:
    states = [one for one in observed if one[1].kind is TimelineKind.NOTE]
    yield from (one for one in states if one[0] in victims)
    others = sorted((one for one in states if one[0] not in victims), key=lambda one: one[1].at)
    down = [one for one in others if one[1].text.endswith(":fail")]
    yield from down[:1]
    after = [one for one in others if one[1].text.endswith(":ok") and down]
    yield from after[-1:]
