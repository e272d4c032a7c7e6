"""What became of the nodes that a verb was for, and how all of them are now."""

import click

from redistopo.cli.table import Table, print_table
from redistopo.model.state.node_status import NodeStatus
from redistopo.session.node_action import NodeActionResult, NodeOutcome

_MOST_NODES = 12
"""Of a larger topology only the nodes that aren't well are listed."""


def show_acted(result: NodeActionResult) -> None:
    """A line a node, then the topology."""
    if not result.nodes:
        click.echo("Nothing to do.")
    for one in result.nodes:
        click.echo(_line(one))
    show_now(result.now)


def _line(one: NodeOutcome) -> str:
    color = "red" if not one.well else "green" if one.changed else None
    hint = f"  (next: {one.hint})" if one.hint else ""
    return f"{one.name}: " + click.style(one.did, fg=color) + hint


def show_now(now: tuple[NodeStatus, ...]) -> None:
    """How all nodes are now; of many only those that are not well."""
    unwell = [line for line in now if line.state != "ok"]
    listed = now if len(now) <= _MOST_NODES else unwell
    click.echo(f"Now {len(now) - len(unwell)} of {len(now)} nodes are well:" if listed
               else f"Now all of {len(now)} nodes are well.")  # fmt: skip
    if listed:
        rows = [
            (
                str(line.shard or "-"),
                line.name,
                line.role.value if line.role else "-",
                str(line.port),
                line.state,
            )
            for line in listed
        ]
        columns = ("shard", "node", "role", "port", "state")
        print_table(Table(columns=columns, rows=rows, right=frozenset({"shard", "port"})))
