"""Makes Sentinels forget removed nodes, and discover new replicas soon."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from redistopo.client.target import Detail
from redistopo.errors import BadReply, TimedOut, Unreachable
from redistopo.execute.context import ExecutionContext
from redistopo.execute.introduce_sentinels import introduce
from redistopo.host.polling import wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.sentinel_replies import fields
from redistopo.model.state.observed import NodeSeen

_PERIOD = "info-period"
_MILLISECONDS = 100


def recount(context: ExecutionContext, one: Step) -> None:
    """Reset one Sentinel after the other, each once the one before is complete again: a Sentinel
    that was reset knows no other, and together they could not fail over."""
    everyone = tuple(node.name for node in context.plan.sentinels)
    for node in context.nodes(one.nodes):
        with _querying_often(context, (node,)):
            context.send(node, "SENTINEL", "RESET", context.plan.topology.name)
            introduce(context, Step(do=StepKind.MEET, nodes=everyone, cause=""))
            _await_complete(context, node)


def discover(context: ExecutionContext, one: Step) -> None:
    """Wait until these Sentinels know all replicas, and let them query the primary often."""
    nodes = context.nodes(one.nodes)
    with _querying_often(context, nodes):
        for node in nodes:
            _await_complete(context, node)


@contextmanager
def _querying_often(context: ExecutionContext, nodes: Iterable[NodePlan]) -> Iterator[None]:
    """Lower the period of INFO, which Redis 6.2 doesn't allow: then it takes 10 s."""
    able = [(node, period) for node in nodes if (period := _period(context, node))]
    try:
        for node, _period_before in able:
            context.send(node, "SENTINEL", "DEBUG", _PERIOD, _MILLISECONDS)
        yield
    finally:
        for node, period in able:
            with suppress(BadReply, Unreachable):
                context.send(node, "SENTINEL", "DEBUG", _PERIOD, period)


def _period(context: ExecutionContext, node: NodePlan) -> str:
    """The period in milliseconds; "" where it can't be changed."""
    try:
        values = fields(context.send(node, "SENTINEL", "DEBUG"), "SENTINEL DEBUG")
    except BadReply:
        return ""
    return next((one for name, one in values.items() if name.lower() == _PERIOD), "")


def _await_complete(context: ExecutionContext, node: NodePlan) -> None:
    plan, missing = context.plan, [""]

    def look() -> bool | None:
        seen = context.observe(Detail.HEALTH)
        mine = next(one for one in seen.nodes if one.name == node.name)
        unknown = {one.address for one in plan.nodes if one is not node} - _counted(mine)
        missing[:] = [one.name for one in plan.nodes if one.address in unknown]
        return None if missing else True

    def late() -> TimedOut:
        return TimedOut(
            f"{node.name} hasn't discovered {', '.join(missing)} in {context.deadline.seconds:g} s",
            hint="redistopo up goes on",
        )

    wait_for(look, context.deadline, late, pause=0.05)


def _counted(sentinel: NodeSeen) -> set[str]:
    """The addresses that a Sentinel knows and reaches."""
    found = set()
    for watch in sentinel.watches:
        found |= {one.address for one in (*watch.replicas, *watch.sentinels) if not one.down}
        found |= set() if watch.down else {watch.address}
    return found
