"""Restores former roles by planned failovers."""

from collections.abc import Iterable
from dataclasses import replace

from redistopo.client.target import Detail
from redistopo.execute.context import ExecutionContext
from redistopo.execute.handover import hand_over_shard
from redistopo.host.polling import Deadline
from redistopo.model.state.observed import Role
from redistopo.progress import step

_SECONDS = 30.0


def restore_roles(context: ExecutionContext, before: Iterable[str]) -> tuple[str, ...]:
    """Promote these nodes again; returns those that had to be promoted.

    Raises RedistopoError if one isn't primary in time.
    """
    wanted = frozenset(before)
    now = context.observe(Detail.HEALTH)
    lost = [node.name for node in now.nodes if node.name in wanted and node.role is Role.REPLICA]
    for name in lost:
        with step(context.progress, f"hand the role back to {name}"):
            hand_over_shard(replace(context, deadline=Deadline(_SECONDS)), context.plan.node(name))
    return tuple(lost)
