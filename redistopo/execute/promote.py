"""A replica made the primary while it runs, and others made to follow it."""

from contextlib import suppress

from redistopo.errors import BadReply, TimedOut
from redistopo.execute.context import ExecutionContext
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.replies import parse_info

_SECONDS = 5.0


def promote(context: ExecutionContext, names: tuple[str, ...]) -> None:
    """The first of these nodes leads, and says so; in a replication the others follow it."""
    first, *others = context.nodes(names)
    if _leads(context, first):
        pass
    elif context.plan.topology.clustered:
        with suppress(BadReply):  # it was elected meanwhile
            context.order(first, "CLUSTER", "FAILOVER", "TAKEOVER")
    else:
        context.order(first, "REPLICAOF", "NO", "ONE")
    _await_lead(context, first)
    for node in others:
        context.order(node, "REPLICAOF", first.host, first.port)


def _leads(context: ExecutionContext, node: NodePlan) -> bool:
    return parse_info(str(context.order(node, "INFO", "replication"))).get("role") == "master"


def _await_lead(context: ExecutionContext, node: NodePlan) -> None:
    try:
        wait_for(
            lambda: _leads(context, node) or None,
            Deadline(min(_SECONDS, context.deadline.left)),
            lambda: "",
        )
    except TimedOut as error:
        raise TimedOut(
            f"{node.name} was told to lead, and still says that it is a replica",
            hint=f"its log: {node.folder.log}",
        ) from error
