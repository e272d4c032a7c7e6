"""The life cycle of the recorded state: created by the first `up`, then kept current."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from redistopo.model.planning.node_numbers import recorded_nodes, with_new_nodes
from redistopo.model.planning.plan import Plan
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import TopologyState
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Progress, warn
from redistopo.project.port_reservations import reserve_ports
from redistopo.project.registry import Entry, register, registered_topology
from redistopo.project.topology_state_file import load_topology_state


def current_record(
    plan: Plan, found: TopologyState | None, seen: Observed
) -> tuple[TopologyState, str]:
    """Return the recorded state, or a new one for a plan that isn't formed yet; also a warning, ""
    for none. Nothing is written.

    The first `up` writes it before anything else, so if it is missing or damaged and the nodes
    have data, the topology is treated as formed.
    """
    warning = f"{plan.layout.record} is missing or damaged; it was recreated from the nodes' files"
    if found is not None and found.formed and not found.created:
        recovered = replace(found, created=_now(), name=plan.topology.name)
        return with_new_nodes(plan, recovered), warning
    if found is not None and found.formed:
        return with_new_nodes(plan, found), ""
    lived = found is None and any(node.on_disk.has_data for node in seen.nodes)
    record = new_record(plan, formed=lived)
    if found is not None:
        record = replace(record, id=found.id, created=found.created)
    return record, warning if lived else ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def new_record(plan: Plan, *, formed: bool) -> TopologyState:
    """Return the record of a plan's nodes, with a new id; a formed replication's primary is the
    planned one."""
    return TopologyState(
        id=secrets.token_hex(8),
        name=plan.topology.name,
        shape=plan.topology.shape.value,
        created=_now(),
        formed=formed,
        primary=plan.shards[0].primary if formed and not plan.topology.clustered else "",
        nodes=recorded_nodes(plan),
        port=plan.topology.port,
        sentinel_port=plan.topology.first_sentinel if plan.sentinels else 0,
        adopted=plan.topology.adopted is not None,
    )


def adopted_record(plan: Plan, found: TopologyState | None) -> TopologyState:
    """Return the record of adopted servers, which counts as formed, for the topology file as it is
    now; `found` is the current one."""
    record = new_record(plan, formed=True)
    if found is None or not found.adopted:
        return record
    return replace(record, id=found.id, created=found.created, engine=found.engine)


def begin_lifecycle(plan: Plan, record: TopologyState, progress: Progress) -> TopologyState:
    """Reserve the ports, and register the topology for `ps`; returns the record to save, with a
    new id in a copied folder."""
    layout = plan.layout
    if _copied(layout, record):
        record = replace(record, id=secrets.token_hex(8))
    entry = Entry(
        id=record.id,
        name=plan.topology.name,
        shape=record.shape,
        root=str(layout.root),
        ports=tuple(port for node in plan.nodes if not node.machine for port in node.ports),
    )
    # a file that was written by hand, or was cloned, has no reservation yet
    reserve_ports(layout.root)
    if trouble := register(entry):
        warn(progress, f"`redistopo ps` in other folders won't list this topology: {trouble}")
    return record


def _copied(layout: Layout, record: TopologyState) -> bool:
    """Whether the folder is a copy of another registered project on this machine."""
    entry = registered_topology(record.id)
    if entry is None or Path(entry.root) == layout.root:
        return False
    theirs = load_topology_state(Layout(Path(entry.root)))
    return theirs is not None and theirs.id == record.id
