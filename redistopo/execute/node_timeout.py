"""A lower node timeout while nodes join a cluster, restored once it is healthy."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from redistopo.errors import RedistopoError
from redistopo.execute.context import ExecutionContext
from redistopo.host.interrupts import interrupts_deferred
from redistopo.model.planning.form_cluster import NODE_TIMEOUT
from redistopo.model.planning.step import NodeSettings


def lower_node_timeout(context: ExecutionContext, settings: Mapping[str, NodeSettings]) -> None:
    """Set the node timeout in `settings` on each of those nodes."""
    context.hurried.update(settings)
    _set(context, {name: str(some[NODE_TIMEOUT]) for name, some in settings.items()})


def restore_node_timeout(context: ExecutionContext) -> None:
    """Restore the planned node timeout of all nodes."""
    planned = str(context.plan.topology.node_timeout)
    _set(context, {node.name: planned for node in context.plan.nodes})
    context.hurried.clear()


@contextmanager
def restored_on_failure(context: ExecutionContext) -> Iterator[None]:
    """Restore the planned node timeout where it is still lower, if anything fails before all nodes
    agree: with the lower one, a short pause of the machine is a failover. A node that doesn't reply
    has the planned one again at its next start."""
    try:
        yield
    except BaseException:
        planned, known = str(context.plan.topology.node_timeout), context.plan.nodes
        with interrupts_deferred():
            for name in context.hurried.intersection(node.name for node in known):
                with suppress(RedistopoError):
                    _set(context, {name: planned})
        raise


def _set(context: ExecutionContext, values: Mapping[str, str]) -> None:
    def set_one(name: str) -> None:
        node = context.plan.node(name)
        context.send(node, "CONFIG", "SET", NODE_TIMEOUT, values[name])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(set_one, values))
