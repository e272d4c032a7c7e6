"""Which node is to be primary where none runs: by the servers, the record, or the user, never
a guess; pure."""

import shlex
from collections.abc import Collection, Iterable

from redistopo.errors import UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.planner import with_primary
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
"""Seconds: replicas write what they get a moment after their primary."""

_LOSES = (
    "whoever is started as a replica loses what its primary doesn't have; nothing was started. "
)


def choose_primary(
    plan: Plan, seen: Observed, record: TopologyState | None, primary: str
) -> tuple[Plan, str]:
    """The plan led by the node asked for, or by who has the data; where a primary runs, as it
    is. Also a note for the user, "" for none.

    Whoever is started as a replica gets its primary's data in place of its own: so a node
    leads only if no other has anything newer. Raises UsageError that names them.
    """
    running = list(seen.running)
    leaders = [node.name for node in running if node.role is Role.PRIMARY]
    # those that are paused are continued first, and asked
    settled = plan.topology.clustered or len(plan.nodes) == 1 or any(n.paused for n in running)
    named = not settled and bool(plan.sentinels and named_primary(plan, seen))
    if not (settled or named) and leaders and primary and primary not in leaders:
        return plan, f"--primary {primary} is not needed: {', '.join(leaders)} runs and leads"
    if named:
        return _as_named(plan, seen, primary), ""
    if settled or leaders:
        return plan, ""
    if (
        not primary
        and plan.topology.persistence is not Persistence.AOF
        and (heir := _heir(running))
    ):
        return _led_by_heir(plan, seen, heir)
    return _led_by_data(plan, seen, record, primary), ""


def _led_by_data(plan: Plan, seen: Observed, record: TopologyState | None, primary: str) -> Plan:
    """Where no primary runs and no replica has more than the disks: by the files of all."""
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
            f"{', '.join(rich)} have data, and more than one was primary at the last look",
            detail=_LOSES,
            hint=f"say who leads: redistopo up --primary NODE, one of {', '.join(rich)}",
        )
    return _if_latest(plan, seen, rich)


def require_primaries(plan: Plan, names: Collection[str]) -> None:
    """Raises UsageError for a name that is no data node's, and for more leaders than can be."""
    for name in names:
        _require_known(plan, name)
    if len(names) > 1 and not plan.topology.clustered:
        raise UsageError(
            f"{' and '.join(names)} can't both lead: a {plan.topology.shape} has one primary",
            hint=f"say one of them: redistopo up --primary {next(iter(names))}",
        )


def _require_known(plan: Plan, primary: str) -> None:
    names = [node.name for node in plan.data]
    if primary and primary not in names:
        raise UsageError(
            f"there is no node {primary!r}", hint=f"--primary takes one of {', '.join(names)}"
        )


def _as_named(plan: Plan, seen: Observed, primary: str) -> Plan:
    """The plan, led by whom the Sentinels name: they turn everybody else into its replica.

    Raises UsageError where that one would start without the data that others have.
    """
    lead = plan.shards[0].primary
    if primary and primary != lead:
        raise UsageError(
            f"the Sentinels name {lead} as primary, and turn {primary} into its replica",
            hint=f"leave --primary out; once all runs, redistopo failover {primary} hands over",
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
            f"{lead} would lead, and has no data; {', '.join(rich)} has",
            detail=_LOSES,
            hint=f"the Sentinels name {lead}: give it a copy of what {rich[0]} has, from {copy} "
            f"into {root} (appendonlydir or appendonly.aof, and dump.rdb)",
        )
    return plan


def _written(seen: Observed) -> dict[str, float]:
    """Node -> when its data was last written on disk, 0 for none."""
    return {node.name: node.on_disk.written_at for node in seen.nodes}


def _heir(running: Iterable[NodeSeen]) -> NodeSeen | None:
    """The running replica that got the most of what its primary wrote."""
    found = [node for node in running if node.role is Role.REPLICA and node.keys]
    return max(found, key=lambda node: node.offset, default=None)


def _led_by_heir(plan: Plan, seen: Observed, heir: NodeSeen) -> tuple[Plan, str]:
    """Without a log, a primary that ended has a snapshot; its replica, while it runs, has all."""
    clock = int(heir.info.get("server_time_usec", 0)) / 1e6  # by which files are dated too
    since = clock - int(heir.info.get("master_link_down_since_seconds", 0))
    absent = [node for node in seen.nodes if not node.running]
    later = [node.name for node in absent if node.on_disk.written_at > since + 1 + _CLOSE]
    if later:
        raise _newer(later, heir.name, "which runs, but lost its primary before that")
    lost = plan.shards[0].primary
    told = f"{heir.name} leads: it runs and has the data, of which {lost} has a snapshot"
    return with_primary(plan, heir.name), "" if heir.name == lost else told


def _as_followed(plan: Plan, running: list[NodeSeen], rich: list[str]) -> Plan:
    """Where the one to lead runs as a replica itself, the plan led by whom it follows.

    Two that follow each other are a handover that was cut off, in which the one on record was
    to follow, and the other one not yet to lead: it has all that both have, so it leads again.
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
            f"{lead}, the primary on record, is a replica of {mine.follows}, and nobody leads",
            hint=f"say who leads: redistopo up --primary NODE, one of {', '.join(rich or [lead])}",
        )
    return with_primary(plan, followed)


def _if_latest(plan: Plan, seen: Observed, rich: list[str]) -> Plan:
    """The plan, whose primary has data at least as new as all others'."""
    lead = plan.shards[0].primary
    written = _written(seen)
    others = [name for name in rich if name != lead]
    if not written[lead] and others and plan.topology.persistence is not Persistence.NONE:
        raise _without_data(lead, others)
    newer = [name for name in written if written[name] - written[lead] > _CLOSE]
    if written[lead] and newer:
        ahead = max(written.values()) - written[lead]
        bare = [name for name in newer if rich and name not in rich]
        raise _newer(newer, lead, f"the primary on record: {ahead:.0f} s later", bare)
    return plan


def _newer(newer: list[str], lead: str, what: str, bare: Iterable[str] = ()) -> UsageError:
    """`bare` are those of the newer ones without a key on disk: emptied, or killed while they
    wrote their log anew after a full sync (aof.c: a start reads the old one then)."""
    empty = [name for name in newer if name in bare]
    told = f"But {', '.join(empty)} would start without a single key. " if empty else ""
    able = [*(name for name in newer if name not in empty), lead, *empty]
    return UsageError(
        f"{', '.join(newer)} wrote data after {lead}, {what}",
        detail=f"{_LOSES}{told}Who was promoted has 'MODE enabled' in its log",
        hint=f"say who leads: redistopo up --primary NODE, one of {', '.join(able)}",
    )


def _without_data(lead: str, rich: list[str]) -> UsageError:
    return UsageError(
        f"{lead} would lead, and has no data; {', '.join(rich)} has",
        detail=_LOSES,
        hint=f"say who leads: redistopo up --primary NODE, one of {', '.join(rich)}",
    )


def refuse_empty_primaries(it: Proposal) -> None:
    """No absent primary of a formed cluster would start empty and empty its replicas.

    Raises UsageError that names who has its data, and the way to keep it.
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
    kin = table.kin(me.address) if me.leads and me.slots else ()
    rich = [node for node in seen.nodes if node.address in kin and node.holds_keys]
    live = _heir(node for node in rich if node.running)
    names = ", ".join(node.name for node in rich)
    if not rich or (live and plan.topology.persistence is not Persistence.AOF):
        return  # without a log, the live one takes over
    empty = next(node for node in plan.nodes if node.address == me.address)
    if live:
        hint = (
            f"let {live.name} lead: {takeover_command(live.name)}; once that says OK, redistopo up"
        )
    else:
        copy, root = plan.node(rich[0].name).folder.root, shlex.quote(str(empty.folder.root))
        there = filter(rich[0].on_disk.holds, DATA)
        files = " ".join(shlex.quote(str(copy / one)) for one in there)
        hint = f"give it a copy's: mkdir -p {root} && cp -a {files} {root}/; then redistopo up"
    raise UsageError(
        f"{empty.name} leads a shard, and its data is gone; {names} has it",
        detail=f"{_LOSES}Looked for data in {empty.folder.root}",
        hint=hint,
    )


def primaries_to_promote(plan: Plan, seen: Observed) -> Iterable[str]:
    """For each primary that doesn't run, while replicas of it do and hold keys: the one that
    got the most. None where a log is kept: then the primary itself has everything."""
    if not plan.topology.clustered or plan.topology.persistence is Persistence.AOF:
        return
    absent = {node.address for node in seen.nodes if not node.running}
    heirs: dict[str, NodeSeen] = {}
    for node in seen.answering:
        primary = _followed(node)
        if not primary or primary.address not in absent or not node.keys or _owned(seen, primary):
            continue
        best = heirs.get(primary.id)
        heirs[primary.id] = max((best, node), key=lambda one: one.offset) if best else node
    yield from (node.name for node in heirs.values())


def _followed(node: NodeSeen) -> ClusterNodesLine | None:
    """Whom a replica follows, by its own table."""
    me = node.myself
    if me is None or not me.replica:
        return None
    return next((one for one in node.members if one.id == me.primary_id), None)


def _owned(seen: Observed, primary: ClusterNodesLine) -> bool:
    """Whether a running node owns slots of it already."""
    owners = [node.myself for node in seen.answering]
    return any(
        one.primary and set(one.slots) & set(primary.slots) for one in owners if one is not None
    )
