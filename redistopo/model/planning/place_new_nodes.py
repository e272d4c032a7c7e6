"""Places the new nodes of a formed cluster by its shards as they are, not as they were; pure."""

from dataclasses import replace

from redistopo.model.planning.new_nodes import new_nodes
from redistopo.model.planning.node_numbers import number_nodes, with_places
from redistopo.model.planning.placement import with_current_placement
from redistopo.model.planning.plan import Plan
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import TopologyState


def place_by_shards(plan: Plan, record: TopologyState | None, seen: Observed) -> Plan:
    """Return the plan with new nodes of a formed cluster on other hosts than the nodes of the
    shards that they join, as these are now."""
    if plan.topology.hosts is None or not plan.topology.clustered:
        return plan
    if record is None or not record.formed:
        return plan
    fresh = _new_names(plan, record, seen)
    if not fresh:
        return plan
    kept = replace(record, nodes=tuple(one for one in record.nodes if one.name not in fresh))
    shards: dict[int, list[str]] = {}
    for node in with_current_placement(plan, seen).data:
        if node.name not in fresh:
            shards.setdefault(node.shard, []).append(node.name)
    groups = [some for number, some in shards.items() if number]
    return with_places(plan, number_nodes(plan.topology, kept, shards=groups))


def _new_names(plan: Plan, record: TopologyState, seen: Observed) -> set[str]:
    """The nodes that aren't recorded yet, and those that an interrupted `up` recorded and never
    started: the last ones, at the addresses that it gave them."""
    fresh = {node.name for node in plan.data} - {*record.names}
    never = {*new_nodes(plan, record, seen)}
    at = {one.name: (one.host, one.port) for one in record.nodes}
    for node in sorted(plan.data, key=lambda one: -one.number):
        if node.name in fresh:
            continue
        if node.name not in never or at[node.name] != (node.host, node.port):
            break
        fresh.add(node.name)
    return fresh
