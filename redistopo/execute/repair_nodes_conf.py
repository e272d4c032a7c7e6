"""A cluster node whose nodes.conf is lost or refused: named before it starts as a stranger,
and given a new one by the other nodes' word when the user asks for it."""

from collections.abc import Iterable

from redistopo.errors import RedistopoError, UsageError
from redistopo.execute.context import ExecutionContext
from redistopo.host.nodes_conf_files import (
    damaged_nodes_conf,
    lost,
    nodes_conf_refusal,
    nodes_conf_texts,
    replace_table,
)
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.planning.reconcile import Step, StepKind
from redistopo.model.planning.sole_copies import SoleCopy
from redistopo.model.protocol.nodes_conf import promoted, rebuilt
from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import TopologyState
from redistopo.progress import Progress, note, warn


def require_cluster_nodes(plan: Plan, names: Iterable[str]) -> None:
    """Raises UsageError for a name that is no cluster node's."""
    known = [node.name for node in plan.nodes]
    for name in names:
        if not plan.topology.clustered:
            raise UsageError("--rebuild is for clusters: no other shape has a nodes.conf")
        if name not in known:
            raise UsageError(
                f"there is no node {name!r}", hint=f"--rebuild takes one of {', '.join(known)}"
            )


def lost_nodes_confs(plan: Plan, record: TopologyState | None, seen: Observed) -> dict[str, str]:
    """Node -> why it would come back as a stranger ("missing", "empty", "cut off"), of a
    formed cluster."""
    if not plan.topology.clustered or record is None or not record.formed:
        return {}
    absent = (plan.node(node.name) for node in seen.nodes if not node.running)
    return {node.name: why for node in absent if (why := lost(node))}


def refuse_lost_nodes_confs(plan: Plan, found: dict[str, str]) -> None:
    """Raises RedistopoError that names each node whose table is lost, and the remedy."""
    if not found:
        return
    told = [f"{name}: {plan.node(name).folder.table} is {why}" for name, why in found.items()]
    if len(found) == len(plan.nodes):
        raise RedistopoError(
            "no node of this cluster has its nodes.conf",
            detail="\n".join(told[:4]),
            hint="put the files back; or start over without the data: redistopo down --wipe",
        )
    options = " ".join(f"--rebuild {name}" for name in found)
    raise RedistopoError(
        f"{', '.join(found)} would come back as a stranger to its own cluster",
        detail="\n".join(told),
        hint=f"redistopo up {options} writes it anew from another node's, with the same id",
    )


def nodes_conf_steps(
    plan: Plan, seen: Observed, found: dict[str, str], asked: Iterable[str], progress: Progress
) -> tuple[Step, ...]:
    """A step for each node that was asked for and doesn't run on a table that Redis takes."""
    running = {node.name for node in seen.nodes if node.running}
    steps = []
    for name in asked:
        node = plan.node(name)
        why = found.get(name, "")
        if not why and name not in running:
            why = "refused by the server" if nodes_conf_refusal(node) else damaged_nodes_conf(node)
        if why:
            steps.append(Step(do=StepKind.REBUILD, nodes=(name,), cause=f"its nodes.conf is {why}"))
        else:
            note(progress, f"{name}: its nodes.conf was not refused, and is left as it is")
    return tuple(steps)


def promotion_steps(heirs: Iterable[SoleCopy]) -> tuple[Step, ...]:
    """A step for each stopped replica that is to lead in place of a primary that was reset."""
    return tuple(
        Step(
            do=StepKind.PROMOTE,
            nodes=(one.name,),
            cause=f"{one.primary}, who led slots {format_ranges_briefly(one.slots)}, was reset; "
            "--primary names it",
            slots=one.slots,
        )
        for one in heirs
    )


def rewrite_nodes_conf(context: ExecutionContext, one: Step) -> None:
    """Each node has a table by which it is in its cluster again; the old file is kept."""
    for node in context.nodes(one.nodes):
        others = nodes_conf_texts(other for other in context.plan.nodes if other is not node)
        _replace(context, node, rebuilt(others, node.address), others)


def promote_stopped_replica(context: ExecutionContext, one: Step) -> None:
    """The node has a table by which it leads those slots; the old file is kept."""
    for node in context.nodes(one.nodes):
        all_of_them = nodes_conf_texts(context.plan.nodes)
        text = promoted(all_of_them, node.address, one.slots)
        _replace(context, node, text, all_of_them)


def _replace(
    context: ExecutionContext, node: NodePlan, text: str | None, looked_at: Iterable[str]
) -> None:
    if text is None:
        raise RedistopoError(
            f"no other node's nodes.conf knows {node.name} ({node.address})",
            detail=f"looked at: {', '.join(looked_at) or 'none is there'}",
            hint="put the file back from a copy; or start over: redistopo down --wipe",
        )
    kept = node.folder.table.exists()
    replace_table(node, text)
    old = f"; the old one is kept as {node.folder.damaged}" if kept else ""
    warn(context.progress, f"{node.name}: nodes.conf written anew{old}")
