"""All that was told of a failover, by logs and by servers asked, becomes one short timeline."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from redistopo.drill.report import TimelineKind, TimelineMoment
from redistopo.drill.server_log_events import LogEvent

Source = tuple[str, LogEvent]
"""Who told it, and what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What `logs` say, to the millisecond, and what was `asked`, a little later; `clock` is
    the fault's moment in seconds since the epoch."""

    clock: float
    victims: frozenset[str]
    logs: tuple[Source, ...]
    asked: tuple[Source, ...]


def timeline(heard: Heard) -> tuple[TimelineMoment, ...]:
    """The servers' moments in order, each once.

    Of many who suspect, and of many who mark as failing, the first is kept; what was asked
    is used where the logs (which tell to the millisecond) say nothing of the kind. Of many
    who say that the cluster is down, the first is kept, and the last to say that it is well.
    """
    logs = [one for one in heard.logs if one[1].at >= heard.clock - 0.001]
    asked = [one for one in heard.asked if one[1].at >= heard.clock - 0.001]
    # what comes first stays first where moments are equal
    found: list[Source] = []
    for kind in (TimelineKind.SUSPECTED, TimelineKind.FAILED):
        found += _first_about(one for one in (*logs, *asked) if one[1].kind is kind)
    found += [one for one in logs if one[1].kind in (TimelineKind.ELECTION, TimelineKind.MENDED)]
    found += _promotions(logs, asked)
    found += _once(one for one in logs if one[1].kind is TimelineKind.NOTE)
    found += _states(asked, heard.victims)
    found.sort(key=lambda one: one[1].at)
    return tuple(_moment(name, told, heard.clock) for name, told in found)


def _moment(name: str, told: LogEvent, clock: float) -> TimelineMoment:
    return TimelineMoment(at=told.at - clock, source=name, text=told.text, kind=told.kind)


def _first_about(some: Iterable[Source]) -> Iterator[Source]:
    first: dict[str, Source] = {}
    for one in sorted(some, key=lambda one: one[1].at):
        first.setdefault(one[1].about, one)
    yield from first.values()


def _promotions(logs: list[Source], asked: list[Source]) -> Iterator[Source]:
    by_log = [one for one in logs if one[1].kind is TimelineKind.PROMOTED]
    yield from by_log
    known = {name for name, _told in by_log}
    yield from (
        one for one in asked if one[1].kind is TimelineKind.PROMOTED and one[0] not in known
    )


def _once(some: Iterable[Source]) -> Iterator[Source]:
    known: set[tuple[str, str]] = set()
    for name, told in some:
        if (name, told.text) not in known:
            known.add((name, told.text))
            yield name, told


def _states(asked: list[Source], victims: frozenset[str]) -> Iterator[Source]:
    states = [one for one in asked if one[1].kind is TimelineKind.NOTE]
    yield from (one for one in states if one[0] in victims)
    others = sorted((one for one in states if one[0] not in victims), key=lambda one: one[1].at)
    down = [one for one in others if one[1].text.endswith(":fail")]
    yield from down[:1]
    after = [one for one in others if one[1].text.endswith(":ok") and down]
    yield from after[-1:]
