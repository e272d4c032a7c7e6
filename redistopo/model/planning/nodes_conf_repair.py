"""Repair of a cluster node's nodes.conf that is lost or refused by the server; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.planning.new_nodes import new_nodes
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.proposal import Proposal
from redistopo.model.planning.sole_copies import SoleCopy
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.nodes_conf import (
    NodesConf,
    latest_nodes_conf,
    parse_nodes_conf,
    promoted,
    rebuilt,
)
from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.model.remedies.of_topology import rebuild_node, start_over
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import TopologyState


def require_rebuildable(plan: Plan, names: Iterable[str]) -> None:
    """Raise UsageError for a name that isn't a data node."""
    known = [node.name for node in plan.data]
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no data node {name!r}",
                hint=f"--rebuild takes one of {', '.join(known)}",
            )


def nodes_conf_damage(disk: DiskSeen, address: str) -> str:
    """Return why a server can't use that nodes.conf; "" if it can."""
    valid = disk.nodes_conf and parse_nodes_conf(disk.nodes_conf, address)
    return disk.damage or ("" if valid else "damaged")


def lost_nodes_confs(plan: Plan, record: TopologyState | None, seen: Observed) -> dict[str, str]:
    """Map nodes of a formed cluster that lost their nodes.conf to the reason ("missing", "empty",
    "cut off", "an older copy ...")."""
    if not plan.topology.clustered or record is None or not record.formed:
        return {}
    tables = {at: parse_nodes_conf(text, at) for at, text in seen.nodes_confs.items()}
    new = new_nodes(plan, record, seen)
    absent = (node for node in seen.nodes if not node.running and node.name not in new)
    return {
        node.name: why
        for node in absent
        if (why := node.on_disk.damage or _outdated(tables, node.address))
    }


def _outdated(tables: Mapping[str, NodesConf | None], address: str) -> str:
    """Why a node's table is from before it was promoted: a server saves its own promotion before
    it announces it, and would otherwise give up its slots, which no node has then. "" if not, and
    for one with another id, which was reset."""
    own, latest = tables.get(address), latest_nodes_conf(tables.values())
    mine, known = (table.at(address) if table else None for table in (own, latest))
    if not (mine and known and known.is_primary and known.slots) or mine.epoch >= known.epoch:
        return ""
    if mine.id != known.id:
        return ""
    return f"an older copy (epoch {mine.epoch}; the other nodes know it in {known.epoch})"


def lost_disks(plan: Plan, record: TopologyState | None, seen: Observed) -> tuple[str, ...]:
    """Name the nodes that lost their disk with their host, and whose shard goes on without them:
    they are started empty, under their id, and copy their primary.

    None while the others don't agree that it is failing: its former process may run elsewhere.
    """
    if plan.topology.hosts is None:
        return ()
    latest = latest_nodes_conf(parse_nodes_conf(text, at) for at, text in seen.nodes_confs.items())
    failing = {one.id for node in seen.answering for one in node.members if "fail" in one.flags}
    empty = {node.name: node.address for node in seen.nodes if not node.on_disk.has_data}
    return tuple(
        name
        for name in lost_nodes_confs(plan, record, seen)
        if name in empty
        if latest and (entry := latest.at(empty[name]))
        if entry.id in failing and not entry.slots
    )


def refuse_lost_nodes_confs(it: Proposal) -> None:
    """Raise RedistopoError with each node to start whose nodes.conf is lost, and the remedy."""
    plan, lost = it.plan, lost_nodes_confs(it.plan, it.now.record, it.now.seen)
    found = {name: lost[name] for name in lost if name in it.among - {*it.asked.rebuild}}
    if not found:
        return
    lines = [f"{name}: {plan.node(name).folder.table} is {why}" for name, why in found.items()]
    if len(found) == len(plan.nodes):
        raise RedistopoError(
            "no node of this cluster has its nodes.conf",
            detail="\n".join(lines[:4]),
            hint=start_over("restore the files"),
        )
    raise RedistopoError(
        f"{', '.join(found)} would start as a new node, unknown to its cluster",
        detail="\n".join(lines),
        hint=rebuild_node(
            (*it.asked.rebuild, *found),
            "to rebuild it from another node's, with the same id: ",
            primaries=it.asked.primary,
        ),
    )


def rebuild_steps(
    plan: Plan, seen: Observed, record: TopologyState | None, asked: Iterable[str]
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Return a step for each requested node whose nodes.conf is lost or refused, and a note for
    each other one."""
    lost, steps, notes = lost_nodes_confs(plan, record, seen), [], []
    for node in (one for name in asked for one in seen.nodes if one.name == name):
        why = lost.get(node.name, "")
        if not why and not node.running and plan.topology.clustered:
            refused = "refused by the server" if node.on_disk.refusal else ""
            why = refused or nodes_conf_damage(node.on_disk, node.address)
        if not why:
            files = "nodes.conf is" if plan.topology.clustered else "append-only file is"
            notes.append(f"{node.name}: its {files} usable and was left unchanged")
            continue
        others = {at: text for at, text in seen.nodes_confs.items() if at != node.address}
        steps.append(
            Step(
                do=StepKind.REBUILD,
                nodes=(node.name,),
                cause=f"its nodes.conf is {why}",
                texts={node.name: rebuilt(others, node.address) or ""},
            )
        )
    return tuple(steps), tuple(notes)


def promotion_steps(
    plan: Plan,
    seen: Observed,
    heirs: Iterable[SoleCopy],
    why: str = "was reset; chosen by --primary",
) -> tuple[Step, ...]:
    """Return a step for each stopped replica to promote in place of its primary."""
    steps: list[Step] = []
    for one in heirs:
        texts = with_nodes_confs(seen, steps).nodes_confs  # each in a higher epoch than the last
        text = promoted(texts, plan.node(one.name).address, one.slots) or ""
        cause = f"{one.primary}, the primary of {format_ranges_briefly(one.slots)}, {why}"
        steps.append(
            Step(
                do=StepKind.PROMOTE,
                nodes=(one.name,),
                cause=cause,
                slots=one.slots,
                texts={one.name: text},
            )
        )
    return tuple(steps)


def with_nodes_confs(seen: Observed, steps: Iterable[Step]) -> Observed:
    """Return the snapshot as it will be after these steps have written each nodes.conf."""
    texts = {name: text for one in steps for name, text in one.texts.items()}
    if not texts:
        return seen
    nodes = tuple(
        replace(node, disk=replace(node.on_disk, nodes_conf=texts.get(node.name) or None))
        if node.name in texts
        else node
        for node in seen.nodes
    )
    return replace(seen, nodes=nodes)


def refuse_unknown_nodes(it: Proposal) -> None:
    """Raise RedistopoError for a nodes.conf that can't be rebuilt, because no other one contains
    its node."""
    for name in (name for one in it.steps for name, text in one.texts.items() if not text):
        address = it.plan.node(name).address
        looked = [at for at in it.now.seen.nodes_confs if at != address]
        raise RedistopoError(
            f"no other node's nodes.conf contains {name} ({address})",
            detail=f"checked: {', '.join(looked) or 'none exists'}",
            hint=start_over("restore the file from a backup"),
        )
