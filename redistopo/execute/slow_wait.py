"""Reports what a long wait is waiting for, and why nodes can't reach each other."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from redistopo.client.target import Detail
from redistopo.execute.context import ExecutionContext
from redistopo.host.polling import Deadline
from redistopo.model.state.observed import Observed
from redistopo.progress import note

if TYPE_CHECKING:
    from redistopo.model.connectivity.report import ConnectivityReport

Answer = TypeVar("Answer")

SLOW_SYNC_SECONDS = 0.5
_REPLY_SYNCS = 10
"""A server may sync several files between a command and its reply."""

_SLOW_START_SECONDS = 3.0

_PATIENCE_SECONDS = 5.0
_PATIENCE_SHARE = 1 / 3


def find_reach(context: ExecutionContext) -> "tuple[Observed, ConnectivityReport]":
    """Take a snapshot, probe every port, and report the connectivity."""
    from redistopo.client.connectivity_probe import probe_nodes
    from redistopo.model.connectivity.report import connectivity_report

    seen = context.observe(Detail.HEALTH)
    return seen, connectivity_report(seen, probe_nodes(seen, context.targets, context.client))


def patience(context: ExecutionContext) -> Deadline:
    """Return how long a wait may take before progress reports what it waits for."""
    return Deadline(min(_PATIENCE_SECONDS, context.deadline.seconds * _PATIENCE_SHARE))


def sync_seconds(context: ExecutionContext) -> float:
    """Measure a synced write (fsync) of the nodes' disk; 0 if servers don't have to wait for it.

    With appendfsync always each event loop ends with one, and a cluster's node syncs its nodes.conf
    at every change. From now on, replies may take as long as several of them.
    """
    seconds = context.host.files.sync_seconds(context.plan.layout.nodes)
    if seconds < SLOW_SYNC_SECONDS:
        return 0
    context.client.wait_longer(_REPLY_SYNCS * seconds)
    return seconds


def slow_disk(context: ExecutionContext, seconds: float) -> str:
    """Describe a disk by the duration of a synced write; "" for 0."""
    folder = context.plan.layout.nodes
    slow = f"the disk is slow: a synced write (fsync) in {folder} takes {seconds:.1f} s"
    return slow if seconds else ""


def heed_slow_start(context: ExecutionContext) -> None:
    """Wait longer for replies if the start took long because of the disk."""
    if context.deadline.seconds - context.deadline.left > _SLOW_START_SECONDS:
        sync_seconds(context)


def still_waiting(context: ExecutionContext, otherwise: str = "") -> None:
    """Report what the wait is waiting for, or `otherwise` if no reason is found."""
    from redistopo.model.connectivity.report import brief

    told = slow_disk(context, sync_seconds(context)) or brief(find_reach(context)[1]) or otherwise
    if told:
        note(context.progress, f"still waiting: {told}")


def reporting_slow_wait(
    context: ExecutionContext,
    look: Callable[[], Answer | None],
    otherwise: Callable[[], str] = str,
) -> Callable[[], Answer | None]:
    """Wrap a poll so that it reports once, after a while, what it still waits for; not at the
    deadline, when the error tells the same, and to find it out takes seconds."""
    worn = [patience(context)]

    def looked() -> Answer | None:
        answer = look()
        if answer is None and worn and worn[0].over and not context.deadline.over:
            worn.clear()
            still_waiting(context, otherwise())
        return answer

    return looked
