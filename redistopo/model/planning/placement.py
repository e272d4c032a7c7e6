"""Where the nodes of a cluster are: in the plan before its formation, as servers report afterwards.

redis-cli chooses the primary of each replica, and every failover and every moved slot changes
roles: of a formed cluster, no planned placement is true for sure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from redistopo.model.planning.plan import FormationMethod, NodePlan, Plan, ShardPlan
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.nodes_conf import NodesConf, latest_nodes_conf, parse_nodes_conf
from redistopo.model.protocol.slots import SlotRange, format_ranges
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The address of the primary that a node follows ("" for a primary), or its own slots."""

    follows: str
    slots: tuple[SlotRange, ...] = ()


def decides_replicas(plan: Plan) -> str:
    """Return the program that decides at formation which primary a replica follows; "" for none."""
    by_cli = plan.formation.method is FormationMethod.REDIS_CLI and plan.topology.replicas
    return "redis-cli" if by_cli else ""


def without_placement(plan: Plan) -> Plan:
    """Remove what isn't decided yet: the shards of replicas."""
    nodes = tuple(
        replace(node, follows="", shard=0) if node.role is Role.REPLICA else node
        for node in plan.nodes
    )
    shards = tuple(replace(shard, replicas=()) for shard in plan.shards)
    return replace(plan, nodes=nodes, shards=shards)


def with_current_placement(plan: Plan, seen: Observed, steps: Iterable[Step] = ()) -> Plan:
    """Set a formed cluster's roles and shards as they are: nodes that reply know their own; of
    the others, the latest nodes.conf. A node that neither knows is where these steps put it, or
    else keeps its planned place."""
    if not plan.topology.clustered:
        return plan
    places = _places(plan, seen, _joining(steps))
    leading = sorted(
        (node for node in plan.nodes if not places[node.name].follows),
        key=lambda node: (not places[node.name].slots, places[node.name].slots, node.port),
    )
    led = {
        node.address: ShardPlan(
            number=number,
            slots=next(iter(slots)) if len(slots := places[node.name].slots) == 1 else None,
            primary=node.name,
            replicas=(),
        )
        for number, node in enumerate(leading, start=1)
    }
    nodes = tuple(_placed(node, places[node.name].follows, led) for node in plan.nodes)
    shards = tuple(
        replace(one, replicas=tuple(node.name for node in nodes if node.follows == one.primary))
        for one in led.values()
    )
    return replace(plan, nodes=nodes, shards=shards)


def current_slots(plan: Plan, seen: Observed, steps: Iterable[Step] = ()) -> dict[str, str]:
    """Map each primary of a formed cluster to the slots that it owns, or owned when it stopped."""
    if not plan.topology.clustered:
        return {}
    places = _places(plan, seen, _joining(steps))
    found = ((name, place) for name, place in places.items() if not place.follows)
    return {name: format_ranges(place.slots) for name, place in found}


def _joining(steps: Iterable[Step]) -> dict[str, str]:
    """Map nodes that join to the primary that they will follow; "" for a primary."""
    found: dict[str, str] = {}
    for one in steps:
        if one.do is StepKind.REJOIN:
            found[one.nodes[0]] = next(iter(one.nodes[1:]), "")
        elif one.do is StepKind.TAKEOVER:
            found |= {name: "" for name in one.nodes if name in found}
    return found


def _places(plan: Plan, seen: Observed, joining: Mapping[str, str]) -> dict[str, _Place]:
    files = {node.address: node.disk.nodes_conf for node in seen.nodes if node.disk}
    table = latest_nodes_conf(parse_nodes_conf(text or "", at) for at, text in files.items())
    observed = {node.name: node for node in seen.answering}
    found = {}
    for node in plan.nodes:
        known = _reported(observed.get(node.name)) or _recorded(table, node.address)
        found[node.name] = known or _planned(plan, node, joining.get(node.name))
    return found


def _reported(node: NodeSeen | None) -> _Place | None:
    me = node.myself if node else None
    if node is None or me is None:
        return None
    if not me.replica:
        return _Place(follows="", slots=me.slots)
    lead = next((one for one in node.members if one.id == me.primary_id), None)
    return _Place(follows=lead.address) if lead else None


def _recorded(table: NodesConf | None, address: str) -> _Place | None:
    """A primary that lost its slots to its replica becomes a replica of it as soon as it runs."""
    me = table.at(address) if table else None
    if table is None or me is None:
        return None
    if me.is_primary:
        heir = None if me.slots else table.successor(me)
        return _Place(follows=heir.address) if heir else _Place(follows="", slots=me.ranges)
    lead = next((one for one in table.entries if one.id == me.primary), None)
    return _Place(follows=lead.address) if lead else None


def _planned(plan: Plan, node: NodePlan, lead: str | None) -> _Place:
    """Where a node will be: by the steps that let it join, otherwise as it is planned."""
    if lead is not None:
        return _Place(follows=plan.node(lead).address if lead else "")
    if node.follows:
        return _Place(follows=plan.node(node.follows).address)
    slots = next((one.slots for one in plan.shards if one.primary == node.name), None)
    return _Place(follows="", slots=(slots,) if slots else ())


def _placed(node: NodePlan, follows: str, led: Mapping[str, ShardPlan]) -> NodePlan:
    """The node in its shard; in none, if its primary is not of this topology."""
    shard = led.get(follows or node.address)
    return replace(
        node,
        shard=shard.number if shard else 0,
        role=Role.REPLICA if follows else Role.PRIMARY,
        follows=shard.primary if shard and follows else "",
    )
