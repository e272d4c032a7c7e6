"""`plan`: nodes, shards, engine, formation and steps."""

from collections.abc import Mapping

import click

from redistopo.cli import theme
from redistopo.cli.table import Table, print_table
from redistopo.cli.views.change_cost import show_steps_and_cost
from redistopo.cli.views.placement import kept_by, show_placement
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.replies import slot_range
from redistopo.model.protocol.slots import format_ranges_briefly
from redistopo.model.state.observed import Role
from redistopo.ops.plan import PlanResult


def _show_means(plan: Plan, services: Mapping[str, str]) -> None:
    """Print where the nodes' files are, and what starts and forms them."""
    if plan.topology.adopted:
        click.echo(
            f"Servers:    adopted, {plan.engine.title}; redistopo doesn't start or stop them"
        )
        return
    where = " on each host" if plan.topology.hosts else ""
    click.echo(f"Folders:    {plan.nodes[0].home.parent}/<node>{where}")
    if plan.topology.hosts is not None:
        click.echo(f"Kept by:    {kept_by(plan.topology.hosts, services)}")
    click.echo(f"Engine:     {plan.engine.title} {plan.engine.path}".rstrip())
    click.echo(f"            {plan.engine_why}")
    click.echo(f"Formation:  {plan.formation.method.value} ({plan.formation.why})")


def _place(result: PlanResult, node: NodePlan) -> str:
    """Return the primary that a node follows, or its slots: as they are, once it is formed."""
    if node.role is Role.SENTINEL:
        return f"watches {result.plan.shards[0].primary}"
    if node.role is Role.REPLICA:
        where = f"follows {node.follows}" if node.follows else "-"
        return f"{result.replicas_by} decides" if result.replicas_by else where
    if result.slots:
        held = result.slots.get(node.name, "")
        return format_ranges_briefly(map(slot_range, filter(None, held.split(",")))) or "-"
    planned = next((one.slots for one in result.plan.shards if one.number == node.shard), None)
    return str(planned or "-")


def show_plan(result: PlanResult) -> None:
    """Print the plan with its reasons, and the steps, or why `up` would refuse."""
    plan = result.plan
    rows = []
    for node in plan.nodes:
        unknown = "?" if node.role is Role.REPLICA else "-"
        rows.append(
            (
                node.name,
                str(node.shard or unknown),
                node.role.value,
                node.address,
                str(node.bus_port or "-"),
                _place(result, node),
                "-" if node.role is Role.SENTINEL else node.memory_policy,
            )
        )
    print_table(
        Table(
            title=f"{plan.topology.name}: {plan.topology.shape.value} in {plan.layout.root}",
            columns=("node", "shard", "role", "address", "bus", "slots or primary", "memory"),
            rows=rows,
            right=frozenset({"shard", "bus"}),
        )
    )
    if plan.topology.hosts is not None:
        show_placement(plan, plan.topology.hosts)
    _show_means(plan, result.services)
    if result.replicas_by:
        click.echo(f"            {result.replicas_by} decides which primary a replica follows;")
        click.echo('            formation = "instant" places replicas as planned')
    if result.refusal:
        click.echo("Steps: none, because `redistopo up` would refuse:")
        click.echo(f"  {result.refusal.message}")
        for line in result.refusal.detail.splitlines():
            click.echo(f"  {line}")
        click.echo(theme.paint("  Next: ", bold=True) + result.refusal.hint)
        return
    show_steps_and_cost(result)
