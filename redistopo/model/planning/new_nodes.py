"""Nodes that have never been part of their formed cluster: a larger number is in the file; pure."""

from collections.abc import Collection
from dataclasses import replace

from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.nodes_conf import parse_nodes_conf
from redistopo.model.protocol.replies import ClusterNodesLine
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.record import TopologyState


def new_nodes(plan: Plan, record: TopologyState | None, seen: Observed) -> tuple[str, ...]:
    """Name the nodes of a formed cluster that have never been part of it: they have no data, and
    no other node's nodes.conf has their address."""
    if not plan.topology.clustered or record is None or not record.formed:
        return ()
    empty = [node for node in seen.nodes if not node.running and not node.on_disk.has_data]
    if not empty:
        return ()
    tables = (parse_nodes_conf(text, at) for at, text in seen.nodes_confs.items())
    known = {entry.address for table in tables if table for entry in table.entries}
    return tuple(node.name for node in empty if known and node.address not in known)


def as_started(seen: Observed, names: Collection[str]) -> Observed:
    """Return the snapshot as it will be once these new nodes run: each alone, and empty."""
    return replace(
        seen, nodes=tuple(_alone(one) if one.name in names else one for one in seen.nodes)
    )


def _alone(node: NodeSeen) -> NodeSeen:
    me = ClusterNodesLine(
        endpoint=node.endpoint,
        id=f"new {node.name}",
        bus_port=0,
        flags=frozenset({"myself", "master"}),
        primary_id="-",
        replied=False,
        epoch=0,
        linked=True,
        slots=(),
        open_slots=(),
    )
    return replace(node, error="", info={"role": "master"}, members=(me,))
