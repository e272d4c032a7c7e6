"""A replica made the primary while it runs, and others made to follow it."""

from contextlib import suppress

from redistopo.errors import BadReply, TimedOut
from redistopo.execute.context import Hands
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.replies import parse_info

_SECONDS = 5.0


def lead(hands: Hands, names: tuple[str, ...]) -> None:
    """The first of these nodes leads, and says so; in a replication the others follow it."""
    first, *others = hands.nodes(names)
    if _leads(hands, first):
        pass
    elif hands.plan.topology.clustered:
        with suppress(BadReply):  # it was elected meanwhile
            hands.order(first, "CLUSTER", "FAILOVER", "TAKEOVER")
    else:
        hands.order(first, "REPLICAOF", "NO", "ONE")
    _await_lead(hands, first)
    for node in others:
        hands.order(node, "REPLICAOF", first.host, first.port)


def _leads(hands: Hands, node: NodePlan) -> bool:
    return parse_info(str(hands.order(node, "INFO", "replication"))).get("role") == "master"


def _await_lead(hands: Hands, node: NodePlan) -> None:
    try:
        wait_for(
            lambda: _leads(hands, node) or None,
            Deadline(min(_SECONDS, hands.deadline.left)),
            lambda: "",
        )
    except TimedOut as error:
        raise TimedOut(
            f"{node.name} was told to lead, and still says that it is a replica",
            hint=f"its log: {node.folder.log}",
        ) from error
