"""The step that forms a cluster, with a lower node timeout until it is healthy; pure.

A node announces its new role in its next ping, and idle nodes ping once per half node timeout
(cluster_legacy.c, clusterCron): a lower one speeds up gossip. The files keep the planned value:
after a crash it is drift, which the next start corrects.
"""

from redistopo.model.planning.plan import FormationMethod, Plan
from redistopo.model.planning.step import NodeSettings, Step, StepKind

NODE_TIMEOUT = "cluster-node-timeout"


def form_step(plan: Plan) -> Step:
    """Return the step that forms one cluster of all nodes."""
    return Step(
        do=StepKind.FORM,
        nodes=tuple(node.name for node in plan.nodes),
        cause=f"formation: {plan.formation.method} ({plan.formation.why})",
        settings=_lower_timeouts(plan),
    )


def _lower_timeouts(plan: Plan) -> dict[str, NodeSettings]:
    """With redis-cli, of all nodes, unless there are too many. Instantly, of all replicas: each
    has a new role or a new primary, and only its own pings announce that. They have no vote on
    failures, so that a low timeout does no harm."""
    if plan.formation.method is FormationMethod.INSTANT:
        names = [name for shard in plan.takeovers for name in shard.replicas]
        milliseconds = 1000 if plan.crowded else 300
    else:
        names = [] if plan.crowded else [node.name for node in plan.nodes]
        milliseconds = 500
    value = str(min(milliseconds, plan.topology.node_timeout))
    return {name: {NODE_TIMEOUT: value} for name in names}
