"""Raises config epochs: of a node, and of a replica that takes over above its primary's."""

from collections.abc import Iterable

from redistopo.client.connection import raise_on_error
from redistopo.execute.announce_role import announce_role
from redistopo.execute.context import ExecutionContext
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.replies import parse_info

_SECONDS = 2.0


def raise_epoch(
    context: ExecutionContext, to: NodePlan, above: int, others: Iterable[NodePlan]
) -> bool:
    """Make sure that CLUSTER FAILOVER TAKEOVER at this replica gives it an epoch above `above`,
    that of its primary; returns whether that is so.

    A takeover raises the epoch only if the node's own one isn't the highest that it knows
    (cluster_legacy.c, clusterBumpConfigEpochWithoutConsensus). A replica that was restarted has
    its primary's epoch as its own, by its nodes.conf; if that is the highest, both would own the
    slots with one epoch, and the node with the smaller id would win. Then one of the `others`
    raises its epoch, which the replica's takeover exceeds.
    """
    if raise_own(context, to) > above:
        return True
    for other in others:
        epoch = raise_own(context, other)
        if epoch > above:
            announce_role(context, other, (to,))
            await_epoch(context, to, epoch)
            return True
    return False


def await_epoch(context: ExecutionContext, node: NodePlan, epoch: int) -> None:
    """Wait until a node knows an epoch of the cluster; raises TimedOut."""

    def knows() -> bool | None:
        told = parse_info(str(context.send(node, "CLUSTER", "INFO")))
        return True if int(told.get("cluster_current_epoch", 0)) >= epoch else None

    wait_for(knows, Deadline(_SECONDS), lambda: f"{node.name} doesn't know epoch {epoch}")


def raise_own(context: ExecutionContext, node: NodePlan) -> int:
    """Raise the node's own epoch unless it is the highest that it knows, and return it."""
    (reply,) = context.client.execute(node.endpoint, [("CLUSTER", "BUMPEPOCH")])
    words = str(raise_on_error(reply, f"{node.name}: CLUSTER BUMPEPOCH")).split()
    return int(words[-1]) if words[1:] and words[-1].isdigit() else 0
