"""The step that forms a cluster, with settings that speed up gossip until it is healthy; pure.

A node announces its new role in its next ping. Idle nodes ping once per half node timeout, and
connect to others ten times a second (cluster_legacy.c, clusterCron). The files keep the planned
values: after a crash the others are drift, which the next `up` corrects.
"""

from collections.abc import Mapping

from redistopo.model.planning.plan import FormationMethod, Plan
from redistopo.model.planning.step import NodeSettings, Step, StepKind
from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.server_defaults import FASTEST_HZ, HZ

NODE_TIMEOUT = "cluster-node-timeout"


def form_step(plan: Plan) -> Step:
    """Return the step that forms one cluster of all nodes."""
    return Step(
        do=StepKind.FORM,
        nodes=tuple(node.name for node in plan.nodes),
        cause=f"formation: {plan.formation.method} ({plan.formation.why})",
        settings=_lower_timeouts(plan),
    )


def faster_cron(plan: Plan, wanted: Mapping[str, Directives]) -> dict[str, NodeSettings]:
    """Return what the servers of a new cluster start with, instead of what their configuration says
    that would be written: of few nodes on this machine, unless the user sets it."""
    few = plan.formation.method is FormationMethod.INSTANT and plan.takeovers and not plan.crowded
    if not few or plan.topology.hosts:
        return {}
    free = (name for name, conf in wanted.items() if not {HZ, "include"} & conf.keys())
    return {name: {HZ: FASTEST_HZ} for name in free}


def _lower_timeouts(plan: Plan) -> dict[str, NodeSettings]:
    """With redis-cli, of all nodes, unless there are too many. Instantly, of all replicas: each
    has a new role or a new primary, and only its own pings announce that. They have no vote on
    failures, so that a low timeout does no harm."""
    if plan.formation.method is FormationMethod.INSTANT:
        names = [name for shard in plan.takeovers for name in shard.replicas]
        # the pongs of the others are a few clusterCrons old, and are to be old enough at the next
        milliseconds = 1000 if plan.crowded else 100
    else:
        names = [] if plan.crowded else [node.name for node in plan.nodes]
        milliseconds = 500
    value = str(min(milliseconds, plan.topology.node_timeout))
    return {name: {NODE_TIMEOUT: value} for name in names}
