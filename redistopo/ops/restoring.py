"""Roles handed back to those who had them, by planned handovers."""

from collections.abc import Iterable
from dataclasses import replace

from redistopo.errors import BadReply, TimedOut
from redistopo.events import step
from redistopo.form.handover import hand_over
from redistopo.form.hands import Hands
from redistopo.model.observed import Role
from redistopo.model.plan import NodePlan
from redistopo.model.sentinels import fields
from redistopo.world.observe import Depth
from redistopo.world.waiting import Deadline, wait_for

_SECONDS = 30.0
_FIRST = "1"
"""A replica-priority that goes before all usual ones (100), and isn't 0, which is never."""


def restore_roles(hands: Hands, before: Iterable[str]) -> tuple[str, ...]:
    """These nodes are primaries again; answers those that had to be made so.

    Raises RedistopoError where one isn't in time.
    """
    wanted = frozenset(before)
    now = hands.look(Depth.HEALTH)
    lost = [node.name for node in now.nodes if node.name in wanted and node.role is Role.REPLICA]
    for name in lost:
        with step(hands.tell, f"hand the role back to {name}"):
            fresh = replace(hands, deadline=Deadline(_SECONDS))
            node = hands.plan.node(name)
            if hands.plan.sentinels:
                _by_sentinels(fresh, node)
            else:
                hand_over(fresh, node)
    return tuple(lost)


def _by_sentinels(hands: Hands, node: NodePlan) -> None:
    """Sentinels choose by themselves, so for a moment the node is the one that they prefer.

    Were we killed meanwhile, the next `up` sets its priority back, as any drift.
    """
    usual = hands.order(node, "CONFIG", "GET", "replica-priority")
    was = str(usual[1]) if isinstance(usual, list) and len(usual) == 2 else "100"
    hands.order(node, "CONFIG", "SET", "replica-priority", _FIRST)
    try:
        _await_priority(hands, node)
        _await_lead(hands, node)
    finally:
        hands.order(node, "CONFIG", "SET", "replica-priority", was)
        # Sentinels have whom they promote write its file (sentinel.c, sentinelSendSlaveOf)
        hands.order(node, "CONFIG", "REWRITE")


def _await_priority(hands: Hands, node: NodePlan) -> None:
    """The first Sentinel knows of it; it asks replicas once in 10 s (sentinel.c, INFO period)."""
    asked = hands.plan.sentinels[0]

    def look() -> bool | None:
        said = hands.order(asked, "SENTINEL", "REPLICAS", hands.plan.topology.name)
        told = [fields(one, "SENTINEL REPLICAS") for one in said] if isinstance(said, list) else []
        mine = [one for one in told if one.get("port") == str(node.port)]
        return any(one.get("slave-priority") == _FIRST for one in mine) or None

    wait_for(look, hands.deadline, lambda: f"{asked.name} hasn't asked {node.name} yet", pause=0.05)


def _await_lead(hands: Hands, node: NodePlan) -> None:
    asked = hands.plan.sentinels[0]
    try:
        hands.order(asked, "SENTINEL", "FAILOVER", hands.plan.topology.name)
    except BadReply as error:
        if "INPROG" not in error.detail:  # they are at it already
            raise

    def look() -> bool | None:
        seen = hands.look(Depth.HEALTH)
        mine = seen.at(node.address)
        names = {watch.address for one in seen.sentinels for watch in one.watches}
        return (mine is not None and mine.role is Role.PRIMARY and names == {node.address}) or None

    try:
        wait_for(look, hands.deadline, lambda: "", pause=0.05)
    except TimedOut as error:
        raise TimedOut(
            f"Sentinels were told to fail over, and {node.name} doesn't lead yet",
            hint=f"the log of {asked.name}: {asked.folder.log}",
        ) from error
