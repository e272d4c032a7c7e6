"""`rebalance --roles`: which replicas were promoted, and how long writes waited."""

import click

from redistopo.cli.table import Table, print_table
from redistopo.ops.rebalance_roles import RolesResult


def show_roles(result: RolesResult) -> None:
    """Print each promotion."""
    if not result.changes:
        click.echo("Nothing to promote: primaries are where they belong.")
        return
    hosts = any(one.after_on for one in result.changes)
    rows = [
        (
            str(one.shard),
            one.after,
            *((one.after_on,) if hosts else ()),
            one.before,
            *((one.before_on,) if hosts else ()),
            f"{done.milliseconds:.1f} ms",
        )
        for one, done in zip(result.changes, result.handovers, strict=False)
    ]
    on = ("on",) if hosts else ()
    columns = ("shard", "promoted", *on, "in place of", *on, "without writes")
    print_table(Table(columns=columns, rows=rows, right=frozenset({"shard", "without writes"})))
    click.echo(f"All nodes agree after {result.seconds:.2f} s; no acknowledged write is lost.")
