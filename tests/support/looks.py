"""What looks, taken one second apart, become as news."""

from datetime import UTC, datetime, timedelta

from redistopo.model.state.diff import StateChange, state_changes
from redistopo.model.state.last_known import LastKnown, update_last_known
from redistopo.model.state.observed import Observed

BEGIN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def told_of(*looks: Observed) -> tuple[StateChange, ...]:
    """What the last look told after the others, one second apart."""
    known: LastKnown | None = None
    found: tuple[StateChange, ...] = ()
    for number, seen in enumerate(looks):
        now = update_last_known(known, seen, BEGIN + timedelta(seconds=number))
        found, known = state_changes(known, now), now
    return found


def brief(found: tuple[StateChange, ...]) -> list[str]:
    """Node and kind of each."""
    return [f"{one.node} {one.kind.value}".strip() for one in found]
