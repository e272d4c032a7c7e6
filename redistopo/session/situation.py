"""Collects everything that a decision needs, from servers, disks and the machine."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace

from redistopo.client.target import Detail
from redistopo.errors import TimedOut
from redistopo.execute.context import ExecutionContext
from redistopo.host.local_host import LOCAL
from redistopo.host.node_disk import read_disk
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.place_new_nodes import place_by_shards
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import with_primary
from redistopo.model.planning.sentinel_primary import known_id, named_primary, remembered
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import USERS_FILE, Drifts, NodeSettings
from redistopo.model.protocol.conf import (
    DIRECTIVES_NOT_COMPARED,
    ONLY_AT_START,
    Directives,
    conf_drift,
    is_whole_conf,
    read_conf,
)
from redistopo.model.protocol.server_defaults import DEFAULT_HZ, FASTEST_HZ, HZ, SLOWEST_HZ
from redistopo.model.state.finding import failed_findings
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.record import TopologyState
from redistopo.model.state.unix_socket import UnixSocketSeen
from redistopo.model.topology.directives import planned_sentinel_settings as wanted_of_sentinels
from redistopo.model.topology.ports import choose_block, port_block_of
from redistopo.project.includes import with_includes
from redistopo.project.job_file import moves_left
from redistopo.project.port_conflicts import port_blocker
from redistopo.render.conf import check_templates, node_conf, sentinel_conf, users_acl
from redistopo.session.expected import expected_of
from redistopo.session.port_holders import stop_port_holders

_ENOUGH_TASKS = 4096

_DYING_SECONDS = 0.3


def observe_for_steps(context: ExecutionContext) -> Observed:
    """Take a snapshot for deciding on steps: servers are queried only if any runs."""
    seen = _without_the_dying(context, context.observe(Detail.PROCESS, disk=True))
    return context.observe(Detail.FULL, disk=True) if seen.running else seen


def observe_recorded(context: ExecutionContext, record: TopologyState | None) -> Observed | None:
    """Take such a snapshot without reaching the hosts: every node replies, and its files there are
    known to be as their copies here. None if that isn't so, and on this machine."""
    folders = {node.name: node.folder for node in context.plan.nodes}
    if record is None or not record.formed or not context.host.has_copies(folders):
        return None
    seen = context.observe(Detail.FULL)
    if len(seen.answering) < len(folders):
        return None
    nodes = (
        replace(node, disk=read_disk(LOCAL.files, folders[node.name], ended=False))
        for node in seen.nodes
    )
    return replace(seen, nodes=tuple(nodes))


def observe_placed(context: ExecutionContext, record: TopologyState | None) -> Observed:
    """Take such a snapshot; over several hosts, place new nodes by the shards that it has, in the
    context's plan."""
    seen = observe_for_steps(context)
    plan = place_by_shards(context.plan, record, seen)
    if plan == context.plan:
        return seen
    from redistopo.session.hosts import use_places

    context.plan = plan
    use_places(context.host, plan)
    return observe_for_steps(context)


def _without_the_dying(context: ExecutionContext, seen: Observed) -> Observed:
    """The snapshot, or a later one without ports in use: a killed server keeps its ports for a
    moment after its process ended, until its last thread has."""
    last = [seen]

    def look() -> Observed | None:
        if any(node.held_by for node in last[0].nodes):
            last[0] = context.observe(Detail.PROCESS, disk=True)
        return None if any(node.held_by for node in last[0].nodes) else last[0]

    with suppress(TimedOut):
        return wait_for(look, Deadline(_DYING_SECONDS))
    return last[0]


def situation(context: ExecutionContext, record: TopologyState | None, seen: Observed) -> Situation:
    """Derive everything that steps and guards depend on from a snapshot.

    The plan's roles are current only if Sentinels name the primary. Raises UsageError if a
    user's template can't be rendered.
    """
    held, named = context.credentials, named_primary(context.plan, seen)
    plan = with_primary(context.plan, named) if named else context.plan
    kept = tuple(remembered(seen))
    texts = _configurations(context, plan, seen, {node.name for node in plan.nodes})
    wanted = {name: read_conf(text) for name, text in texts.items()}
    users = users_acl(plan, held) if plan.topology.acl else ""
    formed = record is not None and record.formed
    if plan.topology.templates and not formed:
        check_templates(plan, held)
    return Situation(
        seen=seen,
        record=record,
        healthy=_healthy(plan, seen),
        named=named,
        kept=kept,
        refused=context.refused,
        drifts=_without_hurry(drifts(plan, seen, wanted, users, formed=formed), context.hurried),
        moved=tuple(
            node.name
            for node in seen.nodes
            if node.moved_from
            and node.role is not Role.SENTINEL
            and node.on_disk.config != texts[node.name]
        ),
        unwritten=tuple(
            node.name
            for node in seen.nodes
            if node.answers
            and node.role is not Role.SENTINEL
            and not is_whole_conf(node.on_disk.config or "")
        ),
        wanted=wanted,
        sockets=_unix_sockets(context, texts),
        limits=context.host.limits(_ENOUGH_TASKS + 16 * len(plan.nodes)),
        loaded=tuple(context.started),
        moving=formed and plan.topology.clustered and moves_left(plan.layout),
        left=tuple(
            name
            for name in (record.removed if record else ())
            if context.host.processes.find(plan.layout, name)
        ),
        free_ports=_free_ports(plan, seen, formed=formed),
        to_free_ports=stop_port_holders(plan, seen),
    )


def situation_of_restart(
    context: ExecutionContext,
    record: TopologyState | None,
    seen: Observed,
    names: Collection[str],
) -> Situation:
    """Derive what the start of these nodes depends on, after the guards allowed it: the other
    nodes run, and their configurations aren't rendered."""
    named = named_primary(context.plan, seen)
    plan = with_primary(context.plan, named) if named else context.plan
    texts = _configurations(context, plan, seen, names)
    return Situation(
        seen=seen,
        record=record,
        named=named,
        kept=tuple(remembered(seen)),
        wanted={name: read_conf(text) for name, text in texts.items()},
        loaded=tuple(context.started),
    )


def _configurations(
    context: ExecutionContext, plan: Plan, seen: Observed, names: Collection[str]
) -> dict[str, str]:
    """Render the configurations of these nodes, except those of Sentinels that have their own."""
    held, kept = context.credentials, remembered(seen)
    texts = {node.name: node_conf(plan, node, held) for node in plan.data if node.name in names}
    context.remember_rendered(plan, dict(texts))
    for node in plan.sentinels:
        if node.name in names and node.name not in kept:
            texts[node.name] = sentinel_conf(plan, node, held, known_id(seen, node))
    return texts


def _healthy(plan: Plan, seen: Observed) -> bool:
    if not seen.running:
        return False
    from redistopo.checks.catalogue import judge  # not for a first start

    return not failed_findings(judge(seen, expected_of(plan.topology)))


def _unix_sockets(context: ExecutionContext, texts: Mapping[str, str]) -> dict[str, UnixSocketSeen]:
    """Inspect the path of each Unix socket in the rendered configurations, or in a file that they
    include. Raises UsageError for an included file that sets what redistopo sets."""
    found = {}
    for node in context.nodes(texts):
        values = with_includes(context.plan, node, texts[node.name]).get("unixsocket", ())
        if values and values[-1]:
            path = node.folder.root / values[-1]
            found[node.name] = context.host.ports.unix_socket(path)
    return found


def _free_ports(plan: Plan, seen: Observed, *, formed: bool) -> str:
    """Free ports for a topology of which no node runs; "" if no port is in use."""
    if plan.topology.hosts or not any(node.held_by for node in seen.nodes):
        return ""
    if formed and seen.running:
        return ""
    blocker = port_blocker(plan.layout.root, plan.topology.host)
    block = choose_block(port_block_of(plan.topology), blocker).block
    if block is None:
        return ""
    free = f"{block} {'is' if len(block.all) == 1 else 'are'} free"
    if formed:
        return f"; or give this one other ports: redistopo move --port {block.first}"
    return f"; or set port = {block.first} in {plan.layout.topology.name}: {free}"


def _without_hurry(found: Drifts, hurried: Mapping[str, Collection[str]]) -> Drifts:
    """The drifts without what is restored once all nodes agree."""
    return {
        node: {name: one for name, one in some.items() if name not in hurried.get(node, ())}
        for node, some in found.items()
    }


def drifts(
    plan: Plan, seen: Observed, confs: Mapping[str, Directives], users: str, *, formed: bool
) -> Drifts:
    """Map nodes to settings that differ from the topology file; `confs` and `users` are the
    configurations and users.acl as they would be written.

    Live values are compared if the server reports them. Others (see DIRECTIVES_NOT_COMPARED),
    and directives that the file no longer has, are compared with those of the last start or
    live change.
    """
    found: dict[str, NodeSettings] = {}
    for node in seen.nodes:
        if node.config is None:
            continue
        if node.role is Role.SENTINEL:
            asked = conf_drift(wanted_of_sentinels(plan.topology), node.config)
            found[node.name] = {name: pair[0] for name, pair in asked.items()}
            continue
        wanted = confs[node.name]
        written = read_conf(node.on_disk.config or "")
        started = _started(node) or written
        settings: dict[str, str | None] = {
            name: pair[0] for name, pair in conf_drift(wanted, node.config).items()
        }
        for name in DIRECTIVES_NOT_COMPARED - {"replicaof"}:
            before = started if name in ONLY_AT_START else written
            if wanted.get(name) != before.get(name):
                settings[name] = " ".join(wanted[name]) if name in wanted else None
        settings |= _left_pace(node, wanted, formed=formed)
        if plan.topology.acl:
            settings |= _users_drift(plan, node, users)
        gone = started.keys() - wanted.keys() - DIRECTIVES_NOT_COMPARED
        found[node.name] = settings | dict.fromkeys(gone)
    return found


def _started(node: NodeSeen) -> Directives:
    text = node.on_disk.started or ""
    return read_conf(text) if is_whole_conf(text) else {}


def _left_pace(node: NodeSeen, wanted: Directives, *, formed: bool) -> NodeSettings:
    """The pace of a server whose cluster was being formed or stopped by a command that was killed;
    the file says nothing about it, so that the default counts. Once it was formed, a higher one is
    the user's."""
    ours = (SLOWEST_HZ,) if formed else (SLOWEST_HZ, FASTEST_HZ)
    other = node.config is not None and node.config.get(HZ) in ours
    return {HZ: DEFAULT_HZ} if other and not {HZ, "include"} & wanted.keys() else {}


def _users_drift(plan: Plan, node: NodeSeen, wanted: str) -> NodeSettings:
    """The users, if their file differs or a user has wrong permissions."""
    from redistopo.checks.security import acl_faults

    same = node.on_disk.users == wanted
    recorded = (node.on_disk.listed or "").splitlines()
    wrong = acl_faults(node, plan.topology.application_rights, recorded)
    return {} if same and not wrong else {USERS_FILE: wanted}
