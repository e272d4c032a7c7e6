"""Nodes that were reset, taken back into their cluster; ids that nobody has, forgotten."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from redistopo.client.connection import Command, succeed
from redistopo.errors import BadReply, TimedOut
from redistopo.execute.context import Hands
from redistopo.host.polling import wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.replies import parse_nodes
from redistopo.model.protocol.slots import SlotRange


def rejoin(hands: Hands, names: tuple[str, ...], slots: tuple[SlotRange, ...]) -> None:
    """The first of these nodes knows all others; it follows the second, or leads the slots.

    Every other node meets it, which is sooner than gossip. One that was made to forget its id
    less than 60 s ago refuses it (Valkey; Redis only by gossip). Raises TimedOut.
    """
    node, *primary = hands.nodes(names)
    for other in hands.plan.nodes:
        if other is not node:
            hands.order(other, "CLUSTER", "MEET", node.host, node.port)
    _await_known(hands, node)
    for one in primary:
        hands.order(node, "CLUSTER", "REPLICATE", str(hands.order(one, "CLUSTER", "MYID")))
    if slots:
        # ADDSLOTSRANGE is missing in 6.2
        wanted = [slot for one in slots for slot in range(one.first, one.last + 1)]
        hands.order(node, "CLUSTER", "ADDSLOTS", *wanted)


def empty_again(hands: Hands, names: tuple[str, ...]) -> None:
    """These primaries have no keys and no slots. In one go: in between, one could be followed.

    One that became a replica meanwhile refuses to be flushed, and so all of it.
    """
    for node in hands.nodes(names):
        commands: list[Command] = [("MULTI",), ("FLUSHALL",), ("CLUSTER", "RESET"), ("EXEC",)]
        for reply in hands.asker.ask(node.host, node.port, commands):
            for one in reply if isinstance(reply, list) else [reply]:
                succeed(one, f"{node.name}: CLUSTER RESET")


def _await_known(hands: Hands, node: NodePlan) -> None:
    """It has shaken hands with every other node."""
    others = {other.address for other in hands.plan.nodes if other is not node}
    unmet = set(others)

    def look() -> bool | None:
        members = parse_nodes(str(hands.order(node, "CLUSTER", "NODES")))
        unmet.clear()
        unmet.update(others - {one.address for one in members if not one.unknown})
        return None if unmet else True

    try:
        wait_for(look, hands.deadline, lambda: "")
    except TimedOut as error:
        raise TimedOut(
            f"{node.name} didn't meet {', '.join(sorted(unmet))} in {hands.deadline.seconds:g} s",
            hint="redistopo verify tells whether they reach each other's bus ports",
        ) from error


def forget(hands: Hands, known: Mapping[str, Iterable[str]]) -> None:
    """Those nodes no longer know these ids; nor does gossip bring one back for 60 s."""
    for name, ids in known.items():
        for one in ids:
            # it has forgotten it meanwhile, or it follows it: then it is told at the next up
            with suppress(BadReply):
                hands.order(hands.plan.node(name), "CLUSTER", "FORGET", one)
