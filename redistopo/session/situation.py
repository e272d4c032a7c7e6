"""What `up` and `plan` start from: the record, one look, and how they differ from the plan."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from redistopo.checks.access import acl_faults
from redistopo.checks.catalogue import judge
from redistopo.checks.subject import Expected
from redistopo.client.observe import Detail
from redistopo.errors import TimedOut
from redistopo.execute.context import ExecutionContext
from redistopo.host.files import read_text
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.planner import with_primary
from redistopo.model.planning.reconcile import USERS_FILE, Drifts, NodeSettings, Situation
from redistopo.model.planning.sentinel_primary import named_primary, remembered
from redistopo.model.protocol.conf import (
    DIRECTIVES_NOT_COMPARED,
    ONLY_AT_START,
    Directives,
    conf_drift,
    read_conf,
)
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.state.finding import failed_findings
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.record import TopologyState
from redistopo.model.topology.directives import planned_sentinel_settings as wanted_of_sentinels
from redistopo.model.topology.layout import NodeFolder
from redistopo.model.topology.spec import Topology
from redistopo.render.conf import node_conf, users_acl

_DYING_SECONDS = 0.3


def observe_for_steps(context: ExecutionContext) -> Observed:
    """A snapshot deep enough to decide on steps: servers are asked only where one runs."""
    seen = _without_the_dying(context, context.look(Detail.PROCESS))
    return context.look(Detail.FULL) if any(node.running for node in seen.nodes) else seen


def _without_the_dying(context: ExecutionContext, seen: Observed) -> Observed:
    """The snapshot, or a later one in which no port is held: a server that was killed holds
    its ports for a moment after it counts as ended, until its last thread has."""
    last = [seen]

    def look() -> Observed | None:
        if any(node.held_by for node in last[0].nodes):
            last[0] = context.look(Detail.PROCESS)
        return None if any(node.held_by for node in last[0].nodes) else last[0]

    with suppress(TimedOut):
        return wait_for(look, Deadline(_DYING_SECONDS), lambda: "")
    return last[0]


def situation(
    plan: Plan,
    record: TopologyState | None,
    seen: Observed,
    credentials: Credentials,
    *,
    refused: bool = False,
) -> Situation:
    """All that the steps depend on; pure but for rendering and for the Sentinels' own files.

    The plan's roles are the current ones from here on only where Sentinels name the primary.
    """
    named = named_primary(plan, seen)
    plan = with_primary(plan, named) if named else plan
    plain = judge(seen, expected_of(plan.topology))
    return Situation(
        seen=seen,
        record=record,
        healthy=not failed_findings(plain),
        named=named,
        kept=tuple(remembered(plan)),
        refused=refused,
        drifts=drifts(plan, seen, credentials),
        moved=tuple(
            node.name
            for node in seen.nodes
            if node.moved_from
            and node.role is not Role.SENTINEL
            and not _written(plan, node.name, credentials)
        ),
    )


def _written(plan: Plan, name: str, credentials: Credentials) -> bool:
    """Whether the node's configuration on disk is today's."""
    node = plan.node(name)
    return read_text(node.folder.config) == node_conf(plan, node, credentials)


def drifts(plan: Plan, seen: Observed, credentials: Credentials) -> Drifts:
    """Node -> what a running server has otherwise than the topology file, for nodes that told.

    Live values are compared where the server tells them. What it doesn't tell (see
    NOT_COMPARED), and what the file no longer names, is compared with what it was started
    with, or was last given live.
    """
    found: dict[str, NodeSettings] = {}
    for node in seen.nodes:
        if node.config is None:
            continue
        if node.role is Role.SENTINEL:
            asked = conf_drift(wanted_of_sentinels(plan.topology), node.config)
            found[node.name] = {name: pair[0] for name, pair in asked.items()}
            continue
        planned = plan.node(node.name)
        wanted = read_conf(node_conf(plan, planned, credentials))
        written = read_conf(read_text(planned.folder.config) or "")
        started = read_conf(read_text(planned.folder.started) or "") or written
        settings: dict[str, str | None] = {
            name: pair[0] for name, pair in conf_drift(wanted, node.config).items()
        }
        for name in DIRECTIVES_NOT_COMPARED - {"replicaof"}:
            before = started if name in ONLY_AT_START else written
            if wanted.get(name) != before.get(name):
                settings[name] = " ".join(wanted[name]) if name in wanted else None
        if plan.topology.acl:
            settings |= _users_drift(plan, node, users_acl(plan, credentials))
        gone = started.keys() - wanted.keys() - DIRECTIVES_NOT_COMPARED
        found[node.name] = settings | dict.fromkeys(gone)
    return found


def _users_drift(plan: Plan, node: NodeSeen, wanted: str) -> NodeSettings:
    """The users where their file says otherwise, or where one can do what it must not."""
    same = read_text(plan.node(node.name).folder.users) == wanted
    told = (read_text(plan.node(node.name).folder.listed) or "").splitlines()
    wrong = acl_faults(node, plan.topology.application_rights, told)
    return {} if same and not wrong else {USERS_FILE: wanted}


def expected_of(
    topology: Topology,
    config: Mapping[str, Directives] | None = None,
    paths: Mapping[str, str] | None = None,
) -> Expected:
    """What one of our own topologies should be; `config` and `paths` name its rendered files.

    A Sentinel's own file is no measure: its settings should be the topology file's.
    """
    held = wanted_of_sentinels(topology)
    return Expected(
        sentinels=topology.sentinels,
        shards=topology.shards,
        replicas=topology.replicas,
        auth=topology.auth,
        rights=topology.application_rights if topology.acl else None,
        tls=topology.tls,
        host=topology.host,
        users={
            name: tuple((read_text(NodeFolder(Path(conf["dir"][-1])).listed) or "").splitlines())
            for name, conf in (config or {}).items()
            if "aclfile" in conf and "sentinel" not in conf
        },
        config=config
        and {name: held if "sentinel" in conf else conf for name, conf in config.items()},
        configs=paths,
    )
