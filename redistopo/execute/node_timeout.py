"""A lower node timeout while an empty cluster forms, restored once it is healthy.

A node announces its new role in its next ping, and idle nodes ping once per half node timeout
(cluster_legacy.c, clusterCron): a lower one speeds up gossip. The files keep the planned value:
after a crash it is drift, which the next start corrects.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from redistopo.execute.context import ExecutionContext, shares_machine_with_many
from redistopo.model.planning.plan import NodePlan

NODE_TIMEOUT = "cluster-node-timeout"


def hasten_all(context: ExecutionContext) -> None:
    """Lower the node timeout of all nodes, unless there are too many."""
    if not shares_machine_with_many(context.plan):
        _set(context, context.plan.nodes, 500)


def hasten_replicas(context: ExecutionContext, names: Iterable[str]) -> None:
    """Lower the node timeout of these nodes, which have a new role to announce.

    As replicas they have no vote on failures, so that a low timeout does no harm.
    """
    milliseconds = 1000 if shares_machine_with_many(context.plan) else 300
    _set(context, context.nodes(names), milliseconds)


def restore_node_timeout(context: ExecutionContext) -> None:
    """Restore the planned node timeout of all nodes."""
    _set(context, context.plan.nodes, context.plan.topology.node_timeout)


def _set(context: ExecutionContext, nodes: Iterable[NodePlan], milliseconds: int) -> None:
    value = min(milliseconds, context.plan.topology.node_timeout)

    def order(node: NodePlan) -> None:
        context.order(node, "CONFIG", "SET", NODE_TIMEOUT, value)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(order, nodes))
