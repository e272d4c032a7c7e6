"""A cluster node whose nodes.conf is lost or refused: named before it starts as a stranger,
and given a new one by the other nodes' word when the user asks for it."""

from collections.abc import Iterable

from redistopo.errors import RedistopoError, WrongRequest
from redistopo.execute.context import Hands
from redistopo.host.nodes_conf_files import damaged, lost, refusal, replace_table, tables
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.planning.reconcile import Do, Step
from redistopo.model.planning.sole_copies import Bereft
from redistopo.model.protocol.nodes_conf import promoted, rebuilt
from redistopo.model.protocol.slots import brief
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import Record
from redistopo.progress import Tell, note, warn


def require_nodes(plan: Plan, names: Iterable[str]) -> None:
    """Raises WrongRequest for a name that is no cluster node's."""
    known = [node.name for node in plan.nodes]
    for name in names:
        if not plan.topology.clustered:
            raise WrongRequest("--rebuild is for clusters: no other shape has a nodes.conf")
        if name not in known:
            raise WrongRequest(
                f"there is no node {name!r}", hint=f"--rebuild takes one of {', '.join(known)}"
            )


def lost_tables(plan: Plan, record: Record | None, seen: Observed) -> dict[str, str]:
    """Node -> why it would come back as a stranger ("missing", "empty", "cut off"), of a
    formed cluster."""
    if not plan.topology.clustered or record is None or not record.formed:
        return {}
    absent = (plan.node(node.name) for node in seen.nodes if not node.running)
    return {node.name: why for node in absent if (why := lost(node))}


def refuse_lost_tables(plan: Plan, found: dict[str, str]) -> None:
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


def steps_to_rebuild(
    plan: Plan, seen: Observed, found: dict[str, str], asked: Iterable[str], tell: Tell
) -> tuple[Step, ...]:
    """A step for each node that was asked for and doesn't run on a table that Redis takes."""
    running = {node.name for node in seen.nodes if node.running}
    steps = []
    for name in asked:
        node = plan.node(name)
        why = found.get(name, "")
        if not why and name not in running:
            why = "refused by the server" if refusal(node) else damaged(node)
        if why:
            steps.append(Step(do=Do.REBUILD, nodes=(name,), cause=f"its nodes.conf is {why}"))
        else:
            note(tell, f"{name}: its nodes.conf was not refused, and is left as it is")
    return tuple(steps)


def steps_to_promote(heirs: Iterable[Bereft]) -> tuple[Step, ...]:
    """A step for each stopped replica that is to lead in place of a primary that was reset."""
    return tuple(
        Step(
            do=Do.PROMOTE,
            nodes=(one.name,),
            cause=f"{one.primary}, who led slots {brief(one.slots)}, was reset; --primary names it",
            slots=one.slots,
        )
        for one in heirs
    )


def rebuild(hands: Hands, one: Step) -> None:
    """Each node has a table by which it is in its cluster again; the old file is kept."""
    for node in hands.nodes(one.nodes):
        others = tables(other for other in hands.plan.nodes if other is not node)
        _replace(hands, node, rebuilt(others, node.address), others)


def promote(hands: Hands, one: Step) -> None:
    """The node has a table by which it leads those slots; the old file is kept."""
    for node in hands.nodes(one.nodes):
        all_of_them = tables(hands.plan.nodes)
        text = promoted(all_of_them, node.address, one.slots)
        _replace(hands, node, text, all_of_them)


def _replace(hands: Hands, node: NodePlan, text: str | None, looked_at: Iterable[str]) -> None:
    if text is None:
        raise RedistopoError(
            f"no other node's nodes.conf knows {node.name} ({node.address})",
            detail=f"looked at: {', '.join(looked_at) or 'none is there'}",
            hint="put the file back from a copy; or start over: redistopo down --wipe",
        )
    kept = node.folder.table.exists()
    replace_table(node, text)
    old = f"; the old one is kept as {node.folder.damaged}" if kept else ""
    warn(hands.tell, f"{node.name}: nodes.conf written anew{old}")
