"""A low node timeout while an empty cluster forms; taken back once it is healthy.

A node tells its new role in its next ping, and an idle pair pings each half node timeout
(cluster_legacy.c, clusterCron): a low one spreads the word. The files keep the planned value:
a crash in between is healed by the next start, and seen as drift until then.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from redistopo.execute.context import ExecutionContext, shares_machine_with_many
from redistopo.model.planning.plan import NodePlan

NODE_TIMEOUT = "cluster-node-timeout"


def hasten_all(context: ExecutionContext) -> None:
    """Every node pings often, unless there are too many of them."""
    if not shares_machine_with_many(context.plan):
        _set(context, context.plan.nodes, 500)


def hasten_replicas(context: ExecutionContext, names: Iterable[str]) -> None:
    """These nodes, which have a new role to tell, ping often.

    As replicas they have no vote on who is failing, so that no haste of theirs does harm.
    """
    milliseconds = 1000 if shares_machine_with_many(context.plan) else 300
    _set(context, context.nodes(names), milliseconds)


def restore_node_timeout(context: ExecutionContext) -> None:
    """All nodes have the planned node timeout again."""
    _set(context, context.plan.nodes, context.plan.topology.node_timeout)


def _set(context: ExecutionContext, nodes: Iterable[NodePlan], milliseconds: int) -> None:
    value = min(milliseconds, context.plan.topology.node_timeout)

    def order(node: NodePlan) -> None:
        context.order(node, "CONFIG", "SET", NODE_TIMEOUT, value)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(order, nodes))
