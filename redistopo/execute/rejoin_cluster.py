"""Rejoins nodes that were reset to their cluster, and removes stale node ids."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from redistopo.client.connection import Command, raise_on_error
from redistopo.errors import BadReply, TimedOut
from redistopo.execute.context import ExecutionContext
from redistopo.host.polling import wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.replies import parse_nodes
from redistopo.model.protocol.slots import SlotRange


def rejoin(context: ExecutionContext, names: tuple[str, ...], slots: tuple[SlotRange, ...]) -> None:
    """Introduce the first node to all others; it then follows the second, or owns the slots.

    Every other node meets it, which is sooner than gossip. One that was made to forget its id
    less than 60 s ago refuses it (Valkey; Redis only by gossip). Raises TimedOut.
    """
    node, *primary = context.nodes(names)
    for other in context.plan.nodes:
        if other is not node:
            context.order(other, "CLUSTER", "MEET", node.host, node.port)
    _await_known(context, node)
    for one in primary:
        context.order(node, "CLUSTER", "REPLICATE", str(context.order(one, "CLUSTER", "MYID")))
    if slots:
        # ADDSLOTSRANGE is missing in 6.2
        wanted = [slot for one in slots for slot in range(one.first, one.last + 1)]
        context.order(node, "CLUSTER", "ADDSLOTS", *wanted)


def reset_again(context: ExecutionContext, names: tuple[str, ...]) -> None:
    """These primaries have no keys and no slots. In one go: in between, one could be followed.

    One that became a replica meanwhile refuses to be flushed, and so all of it.
    """
    for node in context.nodes(names):
        commands: list[Command] = [("MULTI",), ("FLUSHALL",), ("CLUSTER", "RESET"), ("EXEC",)]
        for reply in context.client.execute(node.endpoint, commands):
            for one in reply if isinstance(reply, list) else [reply]:
                raise_on_error(one, f"{node.name}: CLUSTER RESET")


def _await_known(context: ExecutionContext, node: NodePlan) -> None:
    """It has shaken hands with every other node."""
    others = {other.address for other in context.plan.nodes if other is not node}
    unmet = set(others)

    def look() -> bool | None:
        members = parse_nodes(str(context.order(node, "CLUSTER", "NODES")))
        unmet.clear()
        unmet.update(others - {one.address for one in members if not one.unknown})
        return None if unmet else True

    try:
        wait_for(look, context.deadline, lambda: "")
    except TimedOut as error:
        raise TimedOut(
            f"{node.name} didn't meet {', '.join(sorted(unmet))} in {context.deadline.seconds:g} s",
            hint="redistopo verify shows whether they reach each other's bus ports",
        ) from error


def forget_ids(context: ExecutionContext, known: Mapping[str, Iterable[str]]) -> None:
    """Those nodes no longer know these ids; nor does gossip bring one back for 60 s."""
    for name, ids in known.items():
        for one in ids:
            # it has forgotten it meanwhile, or it follows it: then it is told at the next up
            with suppress(BadReply):
                context.order(context.plan.node(name), "CLUSTER", "FORGET", one)
