"""A topology that moves while it runs: some nodes have their new address already, others not yet.
Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from redistopo.errors import UsageError
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.planning.restart_losses import unfollowed
from redistopo.model.planning.step import Step, StepKind, join_names
from redistopo.model.protocol.endpoint import BUS_OFFSET, Endpoint
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import TopologyState

Endpoints = Mapping[str, Endpoint]
"""Node -> its address."""


def endpoints_of(plan: Plan) -> Endpoints:
    """Return the address of each planned node."""
    return {node.name: node.endpoint for node in plan.nodes}


def recorded_endpoints(record: TopologyState | None) -> Endpoints:
    """Return the address of each recorded node."""
    return {one.name: Endpoint(one.host, one.port) for one in record.nodes} if record else {}


def with_endpoints(plan: Plan, at: Endpoints) -> Plan:
    """Return the plan with these nodes at other addresses."""
    return replace(plan, nodes=tuple(_placed(node, at) for node in plan.nodes))


def _placed(node: NodePlan, at: Endpoints) -> NodePlan:
    to = at.get(node.name, node.endpoint)
    return replace(node, endpoint=to, bus_port=node.bus_port and to.port + BUS_OFFSET)


def readdress_step(plan: Plan, name: str, former: Iterable[Endpoints]) -> Step:
    """Return the step that gives the files of a stopped node the addresses of this plan, in place
    of any that nodes had before."""
    at = endpoints_of(plan)
    moves = {
        str(was): str(at[other])
        for some in former
        for other, was in some.items()
        if other in at and was != at[other]
    }
    why = "it moves to its new address"
    return Step(do=StepKind.READDRESS, nodes=(name,), cause=why, settings={name: moves})


def meeting_steps(plan: Plan, name: str) -> tuple[Step, ...]:
    """Return the steps after which all others know a node at its new address, and Sentinels no
    longer at the former one. A primary learns it from its replica."""
    why = f"{name} has a new address"
    if plan.topology.clustered:
        return (Step(do=StepKind.REJOIN, nodes=(name,), cause=why),)
    everyone = tuple(node.name for node in plan.sentinels)
    if name in everyone:
        met = Step(do=StepKind.MEET, nodes=everyone, cause=why)
        known = Step(do=StepKind.DISCOVER, nodes=everyone, cause=why)
        return (met, known) if len(everyone) > 1 else ()
    if not everyone:
        return ()
    why = f"they would count {name} at its former address for ever"
    return (Step(do=StepKind.RECOUNT, nodes=everyone, cause=why),)


def refuse_rolling_move(before: Plan, after: Plan, seen: Observed, restart: str) -> None:
    """Raise UsageError if the nodes can't move one by one; `restart` is the command that moves all
    of them at once."""
    names = [one.name for one in before.nodes if one.endpoint != after.node(one.name).endpoint]
    at_once = f"with an outage: {restart}; or stop them first: redistopo down"
    if alone := [node.name for node in unfollowed(seen, names)]:
        raise UsageError(
            f"{join_names(alone)} has no replica that could stand in while it restarts at its new "
            "address",
            hint=at_once,
        )
    present = {(node.host, port): node.name for node in before.nodes for port in node.ports}
    wanted = [(node.host, port) for node in after.nodes for port in node.ports]
    if common := [
        f"{port} ({present[host, port]})" for host, port in wanted if (host, port) in present
    ]:
        raise UsageError(
            f"the new ports overlap the present ones: {join_names(common)}",
            detail="a node could take another one's address while others still look for that one "
            "there; nothing was changed",
            hint=f"name ports that no node has now; or {at_once}",
        )
    if after.topology.tls and before.topology.address != after.topology.address:
        raise UsageError(
            "the certificates name one address, and nodes would have two for some time",
            hint=at_once,
        )
