"""A verb that failed stops what it started."""

from redistopo.errors import RedistopoError
from redistopo.execute.context import ExecutionContext
from redistopo.execute.terminate import end_all
from redistopo.host.interrupt import interrupts_deferred
from redistopo.host.polling import Deadline
from redistopo.progress import step, warn

_SECONDS = 10.0


def roll_back(context: ExecutionContext) -> None:
    """What this run started is stopped; data and logs stay where they are."""
    count = "1 server" if len(context.started) == 1 else f"{len(context.started)} servers"
    with interrupts_deferred():
        try:
            with step(context.progress, f"stop the {count} that this run started"):
                end_all(
                    context.host.processes,
                    context.plan.layout,
                    context.started,
                    Deadline(_SECONDS),
                )
        except RedistopoError as error:
            warn(context.progress, f"{error.message}; redistopo down tries again")
