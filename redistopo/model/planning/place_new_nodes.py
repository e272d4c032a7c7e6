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
    fresh = {node.name for node in plan.data} - {*record.names}
    fresh |= {*new_nodes(plan, record, seen)}
    if not fresh:
        return plan
    kept = replace(record, nodes=tuple(one for one in record.nodes if one.name not in fresh))
    shards: dict[int, list[str]] = {}
    for node in with_current_placement(plan, seen).data:
        if node.name not in fresh:
            shards.setdefault(node.shard, []).append(node.name)
    groups = [some for number, some in shards.items() if number]
    return with_places(plan, number_nodes(plan.topology, kept, shards=groups))
