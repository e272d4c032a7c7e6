"""A lower node timeout while an empty cluster forms, restored once it is healthy."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from redistopo.execute.context import ExecutionContext
from redistopo.model.planning.form_cluster import NODE_TIMEOUT
from redistopo.model.planning.step import NodeSettings


def lower_node_timeout(context: ExecutionContext, settings: Mapping[str, NodeSettings]) -> None:
    """Set the node timeout in `settings` on each of those nodes."""
    _set(context, {name: str(some[NODE_TIMEOUT]) for name, some in settings.items()})


def restore_node_timeout(context: ExecutionContext) -> None:
    """Restore the planned node timeout of all nodes."""
    planned = str(context.plan.topology.node_timeout)
    _set(context, {node.name: planned for node in context.plan.nodes})


def _set(context: ExecutionContext, values: Mapping[str, str]) -> None:
    def set_one(name: str) -> None:
        node = context.plan.node(name)
        context.send(node, "CONFIG", "SET", NODE_TIMEOUT, values[name])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(set_one, values))
