"""Chooses the primary if none runs: from servers, recorded state, or the user, never by a guess;
pure."""

from collections.abc import Collection, Iterable

from redistopo.errors import UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import with_primary
from redistopo.model.planning.sentinel_primary import named_primary
from redistopo.model.planning.shard_copies import LOSES
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.remedies.of_topology import ask_primary, use_primary
from redistopo.model.state.data_copy import DataCopy, data_copy
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.record import TopologyState
from redistopo.model.state.stop_record import follows_later
from redistopo.model.topology.spec import Persistence

_CLOSE = 1.0
"""Seconds of tolerance: replicas write to disk a moment after their primary."""


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
        return with_primary(plan, primary)
    plan = _as_followed(plan, running, rich)
    unknown = record is not None and record.formed and not record.primary
    if unknown and not running and len(rich) > 1:
        raise UsageError(
            f"{', '.join(rich)} have data, and more than one was primary in the last snapshot",
            detail=LOSES,
            hint=ask_primary(rich),
        )
    return _if_latest(plan, seen, rich)


def require_primaries(plan: Plan, names: Collection[str]) -> None:
    """Raise UsageError for a name that isn't a data node, and for more than one primary."""
    for name in names:
        _require_known(plan, name)
    if len(names) > 1 and not plan.topology.clustered:
        raise UsageError(
            f"{' and '.join(names)} can't both be primary of a {plan.topology.shape}",
            hint=use_primary([next(iter(names))], "choose one: "),
        )


def _require_known(plan: Plan, primary: str) -> None:
    names = [node.name for node in plan.data]
    if primary and primary not in names:
        raise UsageError(
            f"there is no node {primary!r}", hint=f"--primary must be one of {', '.join(names)}"
        )


def _as_named(plan: Plan, seen: Observed, primary: str) -> Plan:
    """Keep the primary that the Sentinels name: they make every other node its replica."""
    lead = plan.shards[0].primary
    running = {node.name for node in seen.running}
    if primary and primary != lead and lead not in running:
        return with_primary(plan, primary)
    if primary and primary != lead:
        raise UsageError(
            f"the Sentinels name {lead} as primary and would make {primary} its replica",
            hint=f"omit --primary; once all nodes run: redistopo failover {primary}",
        )
    return plan


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
    has_data = any(node.name == lost and node.on_disk.written_at for node in absent)
    kept = "only a snapshot" if has_data else "none on disk"
    note = f"{replica.name} becomes primary: it has all the data, {lost} {kept}"
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
            hint=ask_primary(rich or [lead], "choose it"),
        )
    return with_primary(plan, followed)


def _if_latest(plan: Plan, seen: Observed, rich: list[str]) -> Plan:
    """Keep the planned primary if its data is at least as new as all others'.

    Stop records decide; only where one is missing, because a node was killed, the dates of its
    files do.
    """
    nodes = {node.name: node for node in seen.nodes}
    lead = nodes[plan.shards[0].primary]
    written = _written(lead)
    newer = []
    for node in (one for one in nodes.values() if one.name != lead.name and not one.running):
        later = follows_later(node.on_disk.stopped, lead.on_disk.stopped)
        if node.on_disk.by_hand and lead.on_disk.stopped:
            later = True
        if later is None and lead.on_disk.stopped is None:
            later = _copy(lead).precedes(_copy(node))
        if later is None:  # what damaged a file dated it, too
            later = bool(written) and _written(node) - written > _CLOSE
            later = later and (_copy(node).torn or not _copy(node).damage)
        if later and node.on_disk.has_keys | (node.on_disk.stopped is None):
            newer.append(node)
    if newer:
        bare = [node.name for node in newer if rich and node.name not in rich]
        torn = [node.name for node in newer if _copy(node).torn]
        raise _newer([node.name for node in newer], lead.name, "the recorded primary", bare, torn)
    return plan


def _written(node: NodeSeen) -> float:
    """When what a start loads was last written: beside a log, a replica's snapshot is saved at any
    time (`redistopo snapshot`), and no server reads it."""
    return _copy(node).written or node.on_disk.written_at


def _copy(node: NodeSeen) -> DataCopy:
    disk = node.on_disk
    return data_copy(disk, read_conf(disk.started or disk.config or ""))


def _newer(
    newer: list[str], lead: str, what: str, bare: Iterable[str] = (), torn: Iterable[str] = ()
) -> UsageError:
    """`bare` are the newer nodes without a key on disk: emptied, or killed while they rewrote
    their log after a full sync (aof.c: a start then loads the old one); `torn` those whose log
    ends in the middle of a command."""
    empty, cut = ([name for name in newer if name in some] for some in (bare, torn))
    note = f"{', '.join(empty)} would start without any key. " if empty else ""
    note += f"The log of {', '.join(cut)} ends in the middle of a command. " if cut else ""
    last = dict.fromkeys((*cut, *empty))
    able = [*(name for name in newer if name not in last), lead, *last]
    return UsageError(
        f"{', '.join(newer)} wrote data after {lead}, {what}",
        detail=f"{LOSES}{note}A node that was promoted has 'MODE enabled' in its log",
        hint=ask_primary(able),
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
