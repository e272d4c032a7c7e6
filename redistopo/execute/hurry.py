"""Settings with which nodes agree sooner while they join a cluster, restored once it is healthy.

See `form_cluster`, which chooses them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from redistopo.errors import RedistopoError
from redistopo.execute.context import ExecutionContext
from redistopo.host.interrupts import interrupts_deferred
from redistopo.model.planning.form_cluster import NODE_TIMEOUT
from redistopo.model.planning.step import NodeSettings
from redistopo.model.protocol.server_defaults import DEFAULT_HZ, HZ

_Values = Mapping[str, Mapping[str, str]]
"""Node -> directive -> value."""


def hurry(context: ExecutionContext, settings: Mapping[str, NodeSettings]) -> None:
    """Set the node timeout in `settings` on each of those nodes."""
    values = {name: {NODE_TIMEOUT: str(some[NODE_TIMEOUT])} for name, some in settings.items()}
    for name in values:
        context.hurried.setdefault(name, set()).add(NODE_TIMEOUT)
    _set(context, values)


def end_hurry(context: ExecutionContext) -> None:
    """Restore what was changed, and the planned node timeout of all nodes."""
    timeout = _planned(context, NODE_TIMEOUT)
    every = {node.name: {NODE_TIMEOUT: timeout} for node in context.plan.nodes}
    _set(context, {name: one | _changed(context, name) for name, one in every.items()})
    context.hurried.clear()


@contextmanager
def ended_on_failure(context: ExecutionContext) -> Iterator[None]:
    """Restore what is still changed, if anything fails before all nodes agree: with a low node
    timeout, a short pause of the machine is a failover. A node that doesn't reply has the planned
    settings again at its next start."""
    try:
        yield
    except BaseException:
        known = {node.name for node in context.plan.nodes}
        with interrupts_deferred():
            for name in known.intersection(context.hurried):
                with suppress(RedistopoError):
                    _set(context, {name: _changed(context, name)})
        raise


def _changed(context: ExecutionContext, name: str) -> dict[str, str]:
    """What was changed on a node, as it is planned."""
    return {one: _planned(context, one) for one in sorted(context.hurried.get(name, ()))}


def _planned(context: ExecutionContext, directive: str) -> str:
    return DEFAULT_HZ if directive == HZ else str(context.plan.topology.node_timeout)


def _set(context: ExecutionContext, values: _Values) -> None:
    """Before 7.0, CONFIG SET takes one directive at a time."""
    commands = {
        name: [("CONFIG", "SET", *pair) for pair in some.items()] for name, some in values.items()
    }
    context.send_to_each(commands)
