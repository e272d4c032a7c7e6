"""`failover`, `restart` and `set`: what changed on running servers."""

import click

from redistopo.cli import theme
from redistopo.cli.commands_here import here
from redistopo.cli.counts import counted
from redistopo.cli.views.handover_cost import cost
from redistopo.model.planning.step import join_names
from redistopo.ops.failover import FailoverResult
from redistopo.ops.restart import RestartResult
from redistopo.ops.set import SetResult


def show_failover(result: FailoverResult) -> None:
    """Print the new primary, its replicas, and how long writes waited."""
    shard = result.shard
    primary = shard.primary.name if shard.primary else "no node"
    if result.handover is None:
        click.echo(f"{primary} is already primary of shard {shard.number}: nothing was changed")
        return
    replicas = ", ".join(node.name for node in shard.replicas)
    click.echo(
        f"{theme.paint(primary, bold=True)} is primary of shard {shard.number} of {result.name}, "
        f"replicas {replicas}; {result.seconds:.2f} s in total"
    )
    click.echo(f"  {cost(result.handover)}")


def show_restart(result: RestartResult) -> None:
    """Print the restarted nodes, and the failovers before."""
    for one in result.restarted:
        role = f"{one.role}, " if one.role else ""
        click.echo(f"  {one.node}: restarted ({role}ready after {one.seconds:.2f} s)")
    for done in result.handovers:
        click.echo(f"  {cost(done)}")
    count = counted(len(result.restarted), "node")
    faults = here("faults from before remain: redistopo verify")
    now = "every node agrees" if result.healthy else faults
    click.echo(f"{result.name}: {count} restarted in {result.seconds:.2f} s; {now}")


def show_set(result: SetResult) -> None:
    """Print the value, its tables in the file, and the nodes that need a restart."""
    value = " ".join(line or '""' for line in result.value)
    where = ", ".join(f"[{table}]" for table in result.tables)
    done = "is" if result.changed else "was already"
    click.echo(f"{theme.paint(result.directive, bold=True)} {done} {value} in {where}")
    for what, some in (
        ("in effect on", result.live),
        ("after a restart on", result.waiting),
        ("at the next start of", result.stopped),
        ("overridden by their own value on", result.own),
    ):
        if some:
            click.echo(f"  {what} {join_names(some)}")
    if result.waiting:
        click.echo(here("  To restart them: redistopo restart --rolling"))
