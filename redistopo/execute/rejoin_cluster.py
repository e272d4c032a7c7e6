"""Rejoins nodes that were reset to their cluster, and removes stale node ids."""

from collections.abc import Iterable
from contextlib import suppress

from redistopo.client.connection import Command, raise_on_error
from redistopo.client.target import Detail
from redistopo.errors import BadReply, TimedOut
from redistopo.execute.announce_role import announce_role
from redistopo.execute.context import ExecutionContext
from redistopo.execute.hurry import end_hurry, hurry
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.plan_rejoin import forgotten_nodes
from redistopo.model.planning.step import Step
from redistopo.model.protocol.replies import parse_info

_OK_SECONDS = 0.5

_ACCEPTED_SECONDS = 10.0
"""In this time each node is pinged by several of those that may still pass on what they forgot."""

_MEET_SECONDS = 2.0


def rejoin(context: ExecutionContext, one: Step) -> None:
    """Introduce the first node to all others; it then follows the second, or owns the slots.

    Raises TimedOut.
    """
    node, *primaries = context.nodes(one.nodes)
    hurry(context, one.settings)
    introduce(context, node)
    _await_known(context, node)
    for primary in primaries:
        own = str(context.send(primary, "CLUSTER", "MYID"))
        _await_role(context, node, primary, own)
        context.send(node, "CLUSTER", "REPLICATE", own)
        with suppress(TimedOut):  # it may be a whole cluster that is down
            _await_ok(context, [node], Deadline(min(_OK_SECONDS, context.deadline.left)))
    if one.slots:
        # ADDSLOTSRANGE is missing in 6.2
        wanted = [slot for some in one.slots for slot in range(some.first, some.last + 1)]
        context.send(node, "CLUSTER", "ADDSLOTS", *wanted)


def _await_role(context: ExecutionContext, node: NodePlan, primary: NodePlan, own: str) -> None:
    """Wait until the node knows that the other one, which may have just been promoted, is a
    primary: it refuses to follow a replica."""
    told = False

    def look() -> bool | None:
        nonlocal told
        if any(one.id == own and one.primary for one in context.cluster_nodes(node)):
            return True
        if not told:
            announce_role(context, primary, (node,))
            told = True
        return None

    def late() -> TimedOut:
        return TimedOut(
            f"{node.name} doesn't know that {primary.name} is a primary",
            hint="redistopo up goes on; redistopo verify shows why",
        )

    wait_for(look, context.deadline, late, pause=0.01)


def await_writable(context: ExecutionContext, one: Step) -> None:
    """Wait until sources and targets of moves serve, if there are keys to move: a primary that was
    just started replies CLUSTERDOWN for 2 s (cluster_legacy.c, CLUSTER_WRITABLE_DELAY), to MIGRATE
    as to any command with keys.

    New nodes have their planned node timeout again by then, also those of a run that was killed:
    with a lower one, a primary that is busy with a large key, or a pause of the machine, would be
    enough for CLUSTERDOWN.
    """
    sources = dict.fromkeys(move.source for move in one.moves)
    if not any(int(str(context.send(node, "DBSIZE"))) for node in context.nodes(sources)):
        return
    end_hurry(context)
    both = dict.fromkeys((*sources, *(move.target for move in one.moves)))
    _await_ok(context, context.nodes(both), context.deadline)


def _await_ok(context: ExecutionContext, nodes: Iterable[NodePlan], deadline: Deadline) -> None:
    pending = list(nodes)

    def look() -> bool | None:
        pending[:] = [node for node in pending if _info(context, node, "cluster_state") != "ok"]
        return None if pending else True

    def late() -> TimedOut:
        names = ", ".join(node.name for node in pending)
        return TimedOut(
            f"the state of {names} wasn't ok in {deadline.seconds:g} s",
            hint="redistopo up goes on; redistopo verify shows why",
        )

    wait_for(look, deadline, late, pause=0.01)


def introduce(context: ExecutionContext, node: NodePlan) -> None:
    """Have every other node meet it, which is sooner than gossip.

    See `await_accepted` for one that was forgotten.
    """
    for other in context.plan.nodes:
        if other is not node:
            context.send(other, "CLUSTER", "MEET", node.host, node.port)


def await_accepted(context: ExecutionContext) -> None:
    """Introduce nodes that others forgot again, until all nodes know them for good.

    For 60 s after CLUSTER FORGET, nodes since Redis 7.2 tell each other in pings what was
    forgotten, and forget a node again that they have met in between. Raises TimedOut.
    """
    lasting, again = Deadline(_ACCEPTED_SECONDS), Deadline(0.0)
    last: tuple[str, ...] = ()

    def look() -> bool | None:
        nonlocal lasting, again, last
        names = tuple(one.name for one in forgotten_nodes(context.observe(Detail.HEALTH)))
        if not names:
            return lasting.over or None
        last, lasting = names, Deadline(_ACCEPTED_SECONDS)
        if again.over:
            for node in context.nodes(names):
                introduce(context, node)
            again = Deadline(_MEET_SECONDS)
        return None

    def late() -> TimedOut:
        return TimedOut(
            f"nodes don't keep {', '.join(last) or 'a node'} yet: it was removed from the cluster",
            detail="they forget it again for up to 60 s after that",
            hint="run the same command again: redistopo up",
        )

    wait_for(look, context.deadline, late, most=0.5)


def reset_again(context: ExecutionContext, one: Step) -> None:
    """Flush and reset these primaries, which have no slots, in one transaction: in between, a node
    could become their replica.

    A node that became a replica in the meantime refuses to be flushed, and so the transaction.
    """
    for node in context.nodes(one.nodes):
        commands: list[Command] = [("MULTI",), ("FLUSHALL",), ("CLUSTER", "RESET"), ("EXEC",)]
        for reply in context.client.execute(node.endpoint, commands):
            for done in reply if isinstance(reply, list) else [reply]:
                raise_on_error(done, f"{node.name}: CLUSTER RESET")


def _await_known(context: ExecutionContext, node: NodePlan) -> None:
    """Wait until the node has completed the handshake with every other node, and they with it, and
    knows the latest epoch: with an older one, others would take back the first slots that it gets.
    """
    others = [other for other in context.plan.nodes if other is not node]
    unmet: set[str] = set()
    epoch = max((_epoch(context, other) for other in others), default=0)
    pending = list(others)

    def look() -> bool | None:
        known = _known(context, node)
        pending[:] = [one for one in pending if node.address not in _known(context, one)]
        unmet.clear()
        unmet.update({one.address for one in others} - known, (one.address for one in pending))
        return True if not unmet and _epoch(context, node) >= epoch else None

    def late() -> TimedOut:
        return TimedOut(
            f"{node.name} didn't meet {', '.join(sorted(unmet))} in {context.deadline.seconds:g} s",
            hint="redistopo verify shows whether they reach each other's bus ports",
        )

    wait_for(look, context.deadline, late, pause=0.01)


def _epoch(context: ExecutionContext, node: NodePlan) -> int:
    return int(_info(context, node, "cluster_current_epoch") or 0)


def _info(context: ExecutionContext, node: NodePlan, field: str) -> str:
    return parse_info(str(context.send(node, "CLUSTER", "INFO"))).get(field, "")


def _known(context: ExecutionContext, node: NodePlan) -> set[str]:
    """The addresses of the nodes that a node has met."""
    return {one.address for one in context.cluster_nodes(node) if not one.unknown}


def forget_ids(context: ExecutionContext, one: Step) -> None:
    """Make nodes forget the ids of `one`; gossip doesn't bring one back for 60 s."""
    for name, ids in one.ids.items():
        for stale in ids:
            # already forgotten, or the id of its own primary: then the next `up` tries again
            with suppress(BadReply):
                context.send(context.plan.node(name), "CLUSTER", "FORGET", stale)
