"""What `failover`, `restart` and `set` say once they are done."""

import click

from redistopo.execute.handover import HandoverResult
from redistopo.model.planning.step import join_names
from redistopo.ops.failover import FailoverResult
from redistopo.ops.restart import RestartResult
from redistopo.ops.set import SetResult


def show_failover(result: FailoverResult) -> None:
    """Who led, who leads, and what it cost."""
    shard = result.shard
    leader = shard.primary.name if shard.primary else "nobody"
    if result.handover is None:
        click.echo(f"{leader} leads shard {shard.number} already: nothing was changed")
        return
    followers = ", ".join(node.name for node in shard.replicas)
    click.echo(
        f"{click.style(leader, bold=True)} leads shard {shard.number} of {result.name}, "
        f"followed by {followers}; {result.seconds:.2f} s in all"
    )
    click.echo(f"  {cost(result.handover)}")


def cost(handover: HandoverResult) -> str:
    """One line: the time without service, and where in the stream it was."""
    return (
        f"{handover.before} -> {handover.after}: writes waited {handover.milliseconds:.1f} ms, "
        f"both at byte {handover.offset}; no acknowledged write was lost"
    )


def show_restart(result: RestartResult) -> None:
    """Who was restarted, the handovers between, and that all is well."""
    for one in result.restarted:
        role = f"{one.role}, " if one.role else ""
        click.echo(f"  {one.node}: restarted ({role}ready after {one.seconds:.2f} s)")
    for done in result.handovers:
        click.echo(f"  {cost(done)}")
    count = "1 node" if len(result.restarted) == 1 else f"{len(result.restarted)} nodes"
    click.echo(f"{result.name}: {count} restarted in {result.seconds:.2f} s; every node agrees")


def show_set(result: SetResult) -> None:
    """What is set, where, and what waits for a restart."""
    value = " ".join(line or '""' for line in result.value)
    where = ", ".join(f"[{table}]" for table in result.tables)
    done = "is" if result.changed else "was already"
    click.echo(f"{click.style(result.directive, bold=True)} {done} {value} in {where}")
    for what, some in (
        ("live on", result.live),
        ("not yet on", result.waiting),
        ("at their next start on", result.stopped),
        ("with values of their own on", result.own),
    ):
        if some:
            click.echo(f"  {what} {join_names(some)}")
    if result.waiting:
        click.echo("  It takes effect at a restart: redistopo restart --rolling")
