"""A verb that failed stops what it started."""

from redistopo.errors import RedistopoError
from redistopo.execute.context import Hands
from redistopo.host.interrupt import uninterrupted
from redistopo.host.polling import Deadline
from redistopo.host.terminate import end_all
from redistopo.progress import step, warn

_SECONDS = 10.0


def undo(hands: Hands) -> None:
    """What this run started is stopped; data and logs stay where they are."""
    count = "1 server" if len(hands.started) == 1 else f"{len(hands.started)} servers"
    with uninterrupted():
        try:
            with step(hands.tell, f"stop the {count} that this run started"):
                end_all(hands.plan.layout, hands.started, Deadline(_SECONDS))
        except RedistopoError as error:
            warn(hands.tell, f"{error.message}; redistopo down tries again")
