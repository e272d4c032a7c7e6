"""Reports what a long wait is waiting for, and why nodes can't reach each other."""

from collections.abc import Callable
from typing import TypeVar

from redistopo.client.connectivity_probe import probe_nodes
from redistopo.client.observe import Detail
from redistopo.execute.context import ExecutionContext
from redistopo.host.polling import Deadline
from redistopo.model.connectivity.report import ConnectivityReport, brief, connectivity_report
from redistopo.model.state.observed import Observed
from redistopo.progress import note

Answer = TypeVar("Answer")

_PATIENCE_SECONDS = 5.0
_PATIENCE_SHARE = 1 / 3


def find_reach(context: ExecutionContext) -> tuple[Observed, ConnectivityReport]:
    """Take a snapshot, probe every port, and report the connectivity."""
    seen = context.observe(Detail.HEALTH)
    return seen, connectivity_report(seen, probe_nodes(seen, context.targets, context.client))


def patience(context: ExecutionContext) -> Deadline:
    """Return how long a wait may take before progress reports what it waits for."""
    return Deadline(min(_PATIENCE_SECONDS, context.deadline.seconds * _PATIENCE_SHARE))


def still_waiting(context: ExecutionContext, otherwise: str = "") -> None:
    """Report what the wait is waiting for, or `otherwise` if no reason is found."""
    told = brief(find_reach(context)[1]) or otherwise
    if told:
        note(context.progress, f"still waiting: {told}")


def reporting_slow_wait(
    context: ExecutionContext,
    look: Callable[[], Answer | None],
    otherwise: Callable[[], str] = str,
) -> Callable[[], Answer | None]:
    """Wrap a poll so that it reports once, after a while, what it still waits for."""
    worn = [patience(context)]

    def looked() -> Answer | None:
        answer = look()
        if answer is None and worn and worn[0].over:
            worn.clear()
            still_waiting(context, otherwise())
        return answer

    return looked
