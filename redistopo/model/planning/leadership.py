"""Chooses the primary if none runs: from servers, recorded state, or the user, never by a guess;
pure."""

import shlex
from collections.abc import Collection, Iterable

from redistopo.errors import UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import with_primary
from redistopo.model.planning.proposal import Proposal
from redistopo.model.planning.sentinel_primary import named_primary
from redistopo.model.protocol.nodes_conf import (
    NodesConf,
    NodesConfEntry,
    latest_nodes_conf,
    parse_nodes_conf,
)
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.state.disk import DATA
from redistopo.model.state.hints import takeover_command
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.record import TopologyState
from redistopo.model.topology.spec import Persistence

_CLOSE = 1.0
"""Seconds of tolerance: replicas write to disk a moment after their primary."""

_LOSES = "a node started as a replica loses the data that its primary lacks; nothing was started. "


def choose_primary(
    plan: Plan, seen: Observed, record: TopologyState | None, primary: str
) -> tuple[Plan, str]:
    """Set the plan's primary to the requested node, or the one with the data, unless a primary
    runs. Also returns a note for the user, "" for none.

    A node started as a replica replaces its data by its primary's: so a node becomes primary
    only if no other one has newer data. Raises UsageError that names those.
    """
    running = list(seen.running)
    leaders = [node.name for node in running if node.role is Role.PRIMARY]
    # paused nodes are resumed first, and queried
    settled = plan.topology.clustered or len(plan.nodes) == 1 or any(n.paused for n in running)
    named = not settled and bool(plan.sentinels and named_primary(plan, seen))
    if not (settled or named) and leaders and primary and primary not in leaders:
        return plan, f"--primary {primary} has no effect: {', '.join(leaders)} runs as primary"
    if named:
        return _as_named(plan, seen, primary), ""
    if settled or leaders:
        return plan, ""
    if (
        not primary
        and plan.topology.persistence is not Persistence.AOF
        and (replica := _latest_replica(running))
    ):
        return _with_running_replica(plan, seen, replica)
    return _with_data_on_disk(plan, seen, record, primary), ""


def _with_data_on_disk(
    plan: Plan, seen: Observed, record: TopologyState | None, primary: str
) -> Plan:
    """If no primary runs and no replica has more than the disks: decide by all nodes' files."""
    running = list(seen.running)
    rich = [node.name for node in seen.nodes if node.holds_keys]
    if primary:
        if rich and primary not in rich and not _written(seen)[primary]:
            raise _without_data(primary, rich)
        return with_primary(plan, primary)
    plan = _as_followed(plan, running, rich)
    unknown = record is not None and record.formed and not record.primary
    if unknown and not running and len(rich) > 1:
        raise UsageError(
            f"{', '.join(rich)} have data, and more than one was primary in the last snapshot",
            detail=_LOSES,
            hint=f"choose the primary: redistopo up --primary NODE, one of {', '.join(rich)}",
        )
    return _if_latest(plan, seen, rich)


def require_primaries(plan: Plan, names: Collection[str]) -> None:
    """Raise UsageError for a name that isn't a data node, and for more than one primary."""
    for name in names:
        _require_known(plan, name)
    if len(names) > 1 and not plan.topology.clustered:
        raise UsageError(
            f"{' and '.join(names)} can't both be primary of a {plan.topology.shape}",
            hint=f"choose one: redistopo up --primary {next(iter(names))}",
        )


def _require_known(plan: Plan, primary: str) -> None:
    names = [node.name for node in plan.data]
    if primary and primary not in names:
        raise UsageError(
            f"there is no node {primary!r}", hint=f"--primary must be one of {', '.join(names)}"
        )


def _as_named(plan: Plan, seen: Observed, primary: str) -> Plan:
    """Keep the primary that the Sentinels name: they make every other node its replica.

    Raises UsageError if it would start without data that other nodes have.
    """
    lead = plan.shards[0].primary
    if primary and primary != lead:
        raise UsageError(
            f"the Sentinels name {lead} as primary and would make {primary} its replica",
            hint=f"omit --primary; once all nodes run: redistopo failover {primary}",
        )
    if any(node.role is Role.REPLICA for node in seen.nodes):
        return plan  # they fail over to it first, if they can
    absent = next((node for node in seen.nodes if node.name == lead and not node.running), None)
    rich = [node.name for node in seen.nodes if node.role is None and node.holds_keys]
    rich = [name for name in rich if name != lead and not plan.node(name).folder.sentinel]
    lost = absent and not absent.on_disk.written_at
    if lost and rich and plan.topology.persistence is not Persistence.NONE:
        root, copy = plan.node(lead).folder.root, plan.node(rich[0]).folder.root
        raise UsageError(
            f"{lead} would be primary, but has no data; {', '.join(rich)} has",
            detail=_LOSES,
            hint=f"the Sentinels name {lead}: copy the data of {rich[0]} to it, from {copy} "
            f"to {root} (appendonlydir or appendonly.aof, and dump.rdb)",
        )
    return plan


def _written(seen: Observed) -> dict[str, float]:
    """Node -> time of the last write to its data on disk, 0 for none."""
    return {node.name: node.on_disk.written_at for node in seen.nodes}


def _latest_replica(running: Iterable[NodeSeen]) -> NodeSeen | None:
    """The running replica that got the most of what its primary wrote."""
    found = [node for node in running if node.role is Role.REPLICA and node.keys]
    return max(found, key=lambda node: node.offset, default=None)


def _with_running_replica(plan: Plan, seen: Observed, replica: NodeSeen) -> tuple[Plan, str]:
    """Without a log, a stopped primary has only a snapshot; a running replica has all data."""
    clock = int(replica.info.get("server_time_usec", 0)) / 1e6  # the clock of file times, too
    since = clock - int(replica.info.get("master_link_down_since_seconds", 0))
    absent = [node for node in seen.nodes if not node.running]
    later = [node.name for node in absent if node.on_disk.written_at > since + 1 + _CLOSE]
    if later:
        raise _newer(later, replica.name, "which runs, but lost its primary before that")
    lost = plan.shards[0].primary
    note = f"{replica.name} becomes primary: it has all the data, {lost} only a snapshot"
    return with_primary(plan, replica.name), "" if replica.name == lost else note


def _as_followed(plan: Plan, running: list[NodeSeen], rich: list[str]) -> Plan:
    """If the planned primary runs as a replica, choose the node that it follows.

    Two nodes that follow each other are a failover that was interrupted before the other node
    was promoted: the recorded primary has all the data of both, so it is primary again.
    """
    lead = plan.shards[0].primary
    mine = next((node for node in running if node.name == lead and node.role), None)
    if mine is None:
        return plan
    followed = next((node.name for node in plan.nodes if node.address == mine.follows), "")
    circle = any(node.name == followed and node.follows == mine.address for node in running)
    if circle and mine.offset >= max(node.offset for node in running):
        return plan
    if not followed or any(node.name == followed for node in running):
        raise UsageError(
            f"{lead}, the recorded primary, is a replica of {mine.follows}; there is no primary",
            hint=f"choose it: redistopo up --primary NODE, one of {', '.join(rich or [lead])}",
        )
    return with_primary(plan, followed)


def _if_latest(plan: Plan, seen: Observed, rich: list[str]) -> Plan:
    """Keep the planned primary if its data is at least as new as all others'."""
    lead = plan.shards[0].primary
    written = _written(seen)
    others = [name for name in rich if name != lead]
    if not written[lead] and others and plan.topology.persistence is not Persistence.NONE:
        raise _without_data(lead, others)
    newer = [name for name in written if written[name] - written[lead] > _CLOSE]
    if written[lead] and newer:
        ahead = max(written.values()) - written[lead]
        bare = [name for name in newer if rich and name not in rich]
        raise _newer(newer, lead, f"the recorded primary: {ahead:.0f} s later", bare)
    return plan


def _newer(newer: list[str], lead: str, what: str, bare: Iterable[str] = ()) -> UsageError:
    """`bare` are the newer nodes without a key on disk: emptied, or killed while they rewrote
    their log after a full sync (aof.c: a start then loads the old one)."""
    empty = [name for name in newer if name in bare]
    note = f"{', '.join(empty)} would start without any key. " if empty else ""
    able = [*(name for name in newer if name not in empty), lead, *empty]
    return UsageError(
        f"{', '.join(newer)} wrote data after {lead}, {what}",
        detail=f"{_LOSES}{note}A node that was promoted has 'MODE enabled' in its log",
        hint=f"choose the primary: redistopo up --primary NODE, one of {', '.join(able)}",
    )


def _without_data(lead: str, rich: list[str]) -> UsageError:
    return UsageError(
        f"{lead} would be primary, but has no data; {', '.join(rich)} has",
        detail=_LOSES,
        hint=f"choose the primary: redistopo up --primary NODE, one of {', '.join(rich)}",
    )


def refuse_empty_primaries(it: Proposal) -> None:
    """Raise UsageError if a stopped primary of a formed cluster would start empty, and so empty
    its replicas; names the nodes with its data, and how to keep it.
    """
    plan, seen = it.plan, it.now.seen
    if not plan.topology.clustered or not it.now.formed:
        return
    if plan.topology.persistence is Persistence.NONE:
        return
    texts = seen.nodes_confs.items()
    table = latest_nodes_conf(parse_nodes_conf(text, at) for at, text in texts)
    for node in (one for one in seen.nodes if table and one.name in it.among):
        me = table.at(node.address) if table else None
        if table and me and not node.running and not node.on_disk.written_at:
            _refuse_empty(plan, seen, table, me)


def _refuse_empty(plan: Plan, seen: Observed, table: NodesConf, me: NodesConfEntry) -> None:
    kin = table.shard_peers(me.address) if me.is_primary and me.slots else ()
    rich = [node for node in seen.nodes if node.address in kin and node.holds_keys]
    live = _latest_replica(node for node in rich if node.running)
    names = ", ".join(node.name for node in rich)
    if not rich or (live and plan.topology.persistence is not Persistence.AOF):
        return  # without a log, the running one takes over
    empty = next(node for node in plan.nodes if node.address == me.address)
    if live:
        hint = f"promote {live.name}: {takeover_command(live.name)}; after OK: redistopo up"
    else:
        copy, root = plan.node(rich[0].name).folder.root, shlex.quote(str(empty.folder.root))
        there = filter(rich[0].on_disk.holds, DATA)
        files = " ".join(shlex.quote(str(copy / one)) for one in there)
        hint = f"copy the data: mkdir -p {root} && cp -a {files} {root}/; then redistopo up"
    raise UsageError(
        f"{empty.name} is primary of a shard, but its data is gone; {names} has it",
        detail=f"{_LOSES}No data was found in {empty.folder.root}",
        hint=hint,
    )


def primaries_to_promote(plan: Plan, seen: Observed) -> Iterable[str]:
    """Yield, for each stopped primary with running replicas that hold keys, the replica with the
    most data. None with an append-only file: then the primary itself has everything."""
    if not plan.topology.clustered or plan.topology.persistence is Persistence.AOF:
        return
    absent = {node.address for node in seen.nodes if not node.running}
    found: dict[str, NodeSeen] = {}
    for node in seen.answering:
        primary = _followed(node)
        if not primary or primary.address not in absent or not node.keys or _owned(seen, primary):
            continue
        best = found.get(primary.id)
        found[primary.id] = max((best, node), key=lambda one: one.offset) if best else node
    yield from (node.name for node in found.values())


def _followed(node: NodeSeen) -> ClusterNodesLine | None:
    """The primary of a replica, in its own table."""
    me = node.myself
    if me is None or not me.replica:
        return None
    return next((one for one in node.members if one.id == me.primary_id), None)


def _owned(seen: Observed, primary: ClusterNodesLine) -> bool:
    """Whether a running node already owns some of its slots."""
    owners = [node.myself for node in seen.answering]
    return any(
        one.primary and set(one.slots) & set(primary.slots) for one in owners if one is not None
    )
