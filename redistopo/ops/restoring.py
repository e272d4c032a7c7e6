"""Roles handed back to those who had them, by planned failovers."""

from collections.abc import Iterable

from redistopo.errors import RedistopoError, TimedOut
from redistopo.events import step
from redistopo.form.hands import Hands
from redistopo.model.observed import NodeSeen, Role
from redistopo.world.observe import Depth
from redistopo.world.waiting import Deadline, wait_for

_SECONDS = 15.0


def restore_roles(hands: Hands, before: Iterable[str]) -> tuple[str, ...]:
    """These nodes are primaries again; answers those that had to be made so.

    Raises RedistopoError where one isn't in time.
    """
    wanted = frozenset(before)
    now = hands.look(Depth.HEALTH)
    lost = [node for node in now.nodes if node.name in wanted and node.role is Role.REPLICA]
    for node in lost:
        with step(hands.tell, f"hand the role back to {node.name}"):
            _hand_back(hands, node)
    return tuple(node.name for node in lost)


def _hand_back(hands: Hands, node: NodeSeen) -> None:
    if not hands.plan.topology.clustered:
        raise RedistopoError(
            f"{node.name} is a replica now, and isn't handed its role back here",
            hint=f"redistopo failover --to {node.name}",
        )
    hands.order(hands.plan.node(node.name), "CLUSTER", "FAILOVER")

    def look() -> bool | None:
        seen = hands.look(Depth.HEALTH)
        views = [
            any(one.id == node.myself.id and one.primary and one.slots for one in other.members)
            for other in seen.answering
            if node.myself
        ]
        return all(views) or None

    try:
        wait_for(look, Deadline(_SECONDS), lambda: "")
    except TimedOut as error:
        raise TimedOut(
            f"{node.name} was told to take over, and isn't primary after {_SECONDS:g} s",
            hint=f"its log: {hands.plan.node(node.name).folder.log}",
        ) from error
