"""Promotes a running replica, and makes other nodes follow it."""

from contextlib import suppress

from redistopo.errors import BadReply, TimedOut, Unreachable
from redistopo.execute.context import ExecutionContext
from redistopo.execute.raise_epoch import raise_epoch
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.step import Step
from redistopo.model.protocol.replies import parse_info

_SECONDS = 5.0


def promote(context: ExecutionContext, one: Step) -> None:
    """Promote the first node of a replication; the others then follow it."""
    first, *others = context.nodes(one.nodes)
    if not _is_primary(context, first):
        context.send(first, "REPLICAOF", "NO", "ONE")
    _await_promotion(context, first)
    for node in others:
        context.send(node, "REPLICAOF", first.host, first.port)


def take_over(context: ExecutionContext, one: Step) -> None:
    """Make these replicas of a cluster take over the slots of their primary."""
    for node in context.nodes(one.nodes):
        if not _is_primary(context, node):
            _raise_epoch(context, node)
            with suppress(BadReply):  # it was elected in the meantime
                context.send(node, "CLUSTER", "FAILOVER", "TAKEOVER")
        _await_promotion(context, node)


def _raise_epoch(context: ExecutionContext, node: NodePlan) -> None:
    """Make the takeover's epoch exceed that of the stopped primary, which else might get the slots
    again, and make what is written from now on disappear, when it is started."""
    table = context.cluster_nodes(node)
    lead = next((one.primary_id for one in table if one.myself), "")
    epoch = next((one.epoch for one in table if one.id == lead), 0)
    running = {one.address for one in table if one.primary and one.linked and one.id != lead}
    others = (one for one in context.plan.nodes if one.address in running)
    with suppress(BadReply, Unreachable, TimedOut):
        raise_epoch(context, node, epoch, others)


def _is_primary(context: ExecutionContext, node: NodePlan) -> bool:
    return parse_info(str(context.send(node, "INFO", "replication"))).get("role") == "master"


def _await_promotion(context: ExecutionContext, node: NodePlan) -> None:
    wait_for(
        lambda: _is_primary(context, node) or None,
        Deadline(min(_SECONDS, context.deadline.left)),
        lambda: TimedOut(
            f"{node.name} was promoted, but still reports that it is a replica",
            hint=node.log_hint,
        ),
    )
