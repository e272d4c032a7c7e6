"""What looks, taken one second apart, become as news."""

from datetime import UTC, datetime, timedelta

from redistopo.model.state.diff import Occurrence, news
from redistopo.model.state.last_known import Known, learn
from redistopo.model.state.observed import Observed

BEGIN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def told_of(*looks: Observed) -> tuple[Occurrence, ...]:
    """What the last look told after the others, one second apart."""
    known: Known | None = None
    found: tuple[Occurrence, ...] = ()
    for number, seen in enumerate(looks):
        now = learn(known, seen, BEGIN + timedelta(seconds=number))
        found, known = news(known, now), now
    return found


def brief(found: tuple[Occurrence, ...]) -> list[str]:
    """Node and kind of each."""
    return [f"{one.node} {one.kind.value}".strip() for one in found]
