"""Introduces Sentinels to each other at once, and makes them fail over on request."""

from redistopo.client.target import Detail
from redistopo.errors import BadReply, TimedOut
from redistopo.execute.context import ExecutionContext
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.step import Step
from redistopo.model.state.observed import Observed
from redistopo.progress import warn

HELLO = "__sentinel__:hello"

_CHOICE_SECONDS = 10.0
"""For a replica to be fit in a Sentinel's eyes, and to lead: it asks each once a second."""


def introduce(context: ExecutionContext, one: Step) -> None:
    """Introduce Sentinels to each other.

    A Sentinel publishes its hello message on a channel of the data nodes, first 2 s after its start
    (sentinel.c, SENTINEL_PUBLISH_PERIOD), and accepts the same message by PUBLISH, as Sentinels
    send it to each other (sentinelPublishCommand). So each one's message is published here for it.
    A Sentinel that misses one receives it 2 s later.
    """
    nodes = context.nodes(one.nodes)
    said = {node.name: _hello(context, node) for node in nodes}
    for node in nodes:
        for other, words in said.items():
            if words and other != node.name:
                context.send(node, "PUBLISH", HELLO, words)


def _hello(context: ExecutionContext, node: NodePlan) -> str:
    """The hello message of a Sentinel about itself and its primary (sentinel.c,
    sentinelSendHello)."""
    own = context.send(node, "SENTINEL", "MYID")
    seen = next(one for one in _look(context).nodes if one.name == node.name)
    if not seen.watches:
        return ""
    watch = seen.watches[0]
    about = f"{node.host},{node.port},{own},{watch.epoch}"
    return f"{about},{watch.name},{watch.host},{watch.port},{watch.epoch}"


def _look(context: ExecutionContext) -> Observed:
    return context.observe(Detail.HEALTH)


def fail_over(context: ExecutionContext, _one: Step) -> None:
    """Wait until the Sentinels have promoted a replica in place of the stopped primary.

    SENTINEL FAILOVER needs no agreement; it isn't sent if they have begun by themselves. If they
    find no suitable replica in time, that is recorded in `context`, with a warning.
    """
    before = _look(context).named
    deadline = Deadline(min(_CHOICE_SECONDS, context.deadline.left))
    said = [""]

    def look() -> bool | None:
        seen = _look(context)
        leader = seen.at(seen.named) if seen.named else None
        if leader is not None and seen.named != before and leader.info.get("role") == "master":
            return True
        _ask(context, seen, said)
        return None

    try:
        wait_for(look, deadline, lambda: said[0], pause=0.05)
    except TimedOut:
        context.refused = True
        lead = context.plan.shards[0].primary
        warn(
            context.progress,
            f"no other primary was chosen ({said[0]}): {lead} is started as it was",
        )


def _ask(context: ExecutionContext, seen: Observed, said: list[str]) -> None:
    """Ask one Sentinel to fail over, if none has begun."""
    told = [(node, watch) for node in seen.sentinels for watch in node.watches]
    if not told or any("failover_in_progress" in watch.flags for _, watch in told):
        return
    node, watch = told[0]
    try:
        context.send(context.plan.node(node.name), "SENTINEL", "FAILOVER", watch.name)
    except BadReply as error:
        said[0] = error.detail
