"""The hosts of a topology, by shards and by host."""

from collections.abc import Mapping

import click

from redistopo.cli.table import Table, print_table
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.state.observed import Role
from redistopo.model.topology.hosts import Hosts, Machine, Service, majority_holder
from redistopo.model.topology.ports import port_ranges

_KEEPERS = {Service.SYSTEMD: "units of systemd", Service.PROCESS: "processes, without units"}


def show_placement(plan: Plan, hosts: Hosts) -> None:
    """Print which host has the primary and the replicas of each shard, and what each host has."""
    rows = [
        (str(one.number), _on(plan, one.primary), ", ".join(_on(plan, r) for r in one.replicas))
        for one in plan.shards
    ]
    if plan.sentinels:
        watching = ", ".join(_on(plan, node.name) for node in plan.sentinels)
        rows.append(("-", "-", watching))
    last = "replicas, Sentinels" if plan.sentinels else "replicas"
    print_table(Table(columns=("shard", "primary", last), rows=rows, right=frozenset({"shard"})))
    zoned = any(one.zone for one in hosts.machines)
    columns = ("host", "address", *(("zone",) if zoned else ()), "nodes", "ports")
    print_table(Table(columns=columns, rows=[_host(plan, one, zoned) for one in hosts.machines]))
    for line in _risks(plan):
        click.echo(f"Note:       {line}")


def kept_by(hosts: Hosts, services: Mapping[str, str]) -> str:
    """Format how the hosts keep servers, as the file says, or as it was chosen for each."""
    if hosts.service:
        return _KEEPERS[Service(hosts.service)]
    of = {
        keeper: [name for name, one in services.items() if one == service]
        for service, keeper in _KEEPERS.items()
    }
    found = [f"{keeper} on {', '.join(names)}" for keeper, names in of.items() if names]
    return "; ".join(found) or "units of systemd on hosts that run it, else as processes"


def _on(plan: Plan, name: str) -> str:
    return f"{name} on {plan.node(name).machine}"


def _host(plan: Plan, machine: Machine, zoned: bool) -> tuple[str, ...]:
    nodes = [node for node in plan.nodes if node.machine == machine.name]
    names = " ".join(_short(node) for node in nodes) or "-"
    ports = port_ranges(port for node in nodes for port in node.ports) or "-"
    return (machine.name, machine.address, *((machine.zone or "-",) if zoned else ()), names, ports)


def _short(node: NodePlan) -> str:
    return f"{node.name} (primary)" if node.role is Role.PRIMARY else node.name


def _risks(plan: Plan) -> list[str]:
    """The hosts whose loss stops automatic failover."""
    primaries = [node.machine for node in plan.primaries]
    found = []
    if plan.topology.clustered and len(primaries) > 2 and (name := majority_holder(primaries)):
        found.append(_risk(name, primaries, "primaries"))
    watching = [node.machine for node in plan.sentinels]
    if len(watching) > 1 and (name := majority_holder(watching)):
        found.append(_risk(name, watching, "Sentinels"))
    return found


def _risk(name: str, at: list[str], what: str) -> str:
    return (
        f"{name} has {at.count(name)} of {len(at)} {what}: if it is lost, no replica is promoted; "
        "more hosts avoid that"
    )
