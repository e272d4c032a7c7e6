"""Makes running Sentinels monitor the planned primary, as their configuration would."""

from collections.abc import Iterable
from contextlib import suppress

from redistopo.errors import BadReply
from redistopo.execute.context import ExecutionContext
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.step import Step
from redistopo.model.protocol.conf import arguments
from redistopo.render.conf import sentinel_conf

_SETTINGS = (
    "auth-user",
    "auth-pass",
    "down-after-milliseconds",
    "failover-timeout",
    "parallel-syncs",
)
"""What SENTINEL SET sets of a primary, in the order of our template: the user first."""


def monitor_again(context: ExecutionContext, one: Step) -> None:
    """Each Sentinel monitors the planned primary with the rendered settings, and nothing that had
    the same name before (sentinel.c: REMOVE and MONITOR are applied at once)."""
    for node in context.nodes(one.nodes):
        for command in _commands(context, node):
            context.send(node, "SENTINEL", *command)


def _commands(context: ExecutionContext, node: NodePlan) -> Iterable[tuple[str, ...]]:
    name = context.plan.topology.name
    with suppress(BadReply):  # it may monitor none
        context.send(node, "SENTINEL", "REMOVE", name)
    text = sentinel_conf(context.plan, node, context.credentials)
    lines = [arguments(line) for line in text.splitlines() if line.startswith("sentinel ")]
    yield from (("MONITOR", *words[2:]) for words in lines if words[1] == "monitor")
    yield from (("SET", name, words[1], words[3]) for words in lines if words[1] in _SETTINGS)
