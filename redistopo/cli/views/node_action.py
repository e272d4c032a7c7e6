"""What a verb did to each node, and the state of all nodes afterwards."""

import click

from redistopo.cli import theme
from redistopo.cli.commands_here import typed
from redistopo.cli.table import Table, print_table
from redistopo.cli.views.status import count_states, several_hosts
from redistopo.model.state.status_rows import NodeStatus
from redistopo.session.node_action import NodeActionResult, NodeOutcome

_MOST_NODES = 12
"""Of a larger topology, only nodes with a problem are listed."""


def show_node_action(result: NodeActionResult) -> None:
    """Print a line for each node, then the topology."""
    if not result.nodes:
        click.echo("Nothing to do.")
    for one in result.nodes:
        click.echo(_line(one))
    show_now(result.now)


def _line(one: NodeOutcome) -> str:
    color = theme.ERROR if not one.well else theme.OK if one.changed else None
    hint = f"  (next: {typed(one.hint)})" if one.hint else ""
    return f"{one.name}: " + theme.paint(one.did, color) + hint


def show_now(now: tuple[NodeStatus, ...]) -> None:
    """Print the state of all nodes; of many, only those with a problem."""
    unwell = [line for line in now if line.state != "ok"]
    listed = now if len(now) <= _MOST_NODES else unwell
    if unwell:
        # replicas and Sentinels of a primary that is down run, and say so: they aren't down
        running = sum(line.state not in ("stopped", "paused") for line in now)
        click.echo(f"Now {running} of {len(now)} nodes run ({count_states(now)}):")
    else:
        every = (
            f"{len(now)} of {len(now)} nodes are ok:" if listed else f"all {len(now)} nodes are ok."
        )
        click.echo(f"Now {every}")
    if listed:
        several = several_hosts(now)
        rows = [
            (
                str(line.shard or "-"),
                line.name,
                line.role.value if line.role else "-",
                line.address if several else str(line.port),
                line.state,
            )
            for line in listed
        ]
        columns = ("shard", "node", "role", "address" if several else "port", "state")
        print_table(Table(columns=columns, rows=rows, right=frozenset({"shard", "port"})))
