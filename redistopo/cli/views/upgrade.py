"""`upgrade`: what was restarted with which engine, or would be."""

import click

from redistopo.cli import theme
from redistopo.cli.counts import counted
from redistopo.cli.views.handover_cost import cost
from redistopo.model.planning.step import join_names
from redistopo.ops.upgrade import UpgradeCheck, UpgradeResult


def show_upgrade(result: UpgradeResult) -> None:
    """Print the restarted nodes, the failovers in between, and what all nodes run now."""
    for one in result.restarted:
        role = f"{one.role}, " if one.role else ""
        click.echo(f"  {one.node}: {result.engine} ({role}ready after {one.seconds:.2f} s)")
    for done in result.handovers:
        click.echo(f"  {cost(done)}")
    if result.edited:
        click.echo(f'  redistopo.toml: engine = "{result.asked}"')
    if result.snapshot:
        click.echo(f"  snapshot of before: {result.snapshot}")
    if result.emptied:
        names = join_names(result.emptied)
        click.echo(f"  {names}: former data files are kept as *.aside in the node's folder")
    engine = theme.paint(result.engine, bold=True)
    if not result.restarted:
        click.echo(
            f"{result.name}: no node runs another engine than {engine}: nothing was restarted"
        )
        return
    count = counted(len(result.restarted), "node")
    click.echo(
        f"{result.name}: {count} restarted with {engine} in {result.seconds:.2f} s; every node "
        "agrees"
    )


def show_check(found: UpgradeCheck) -> None:
    """Print what runs, the turns, and how far back is possible; or why it would be refused."""
    for title, names in found.running.items():
        click.echo(f"{title} on {join_names(names)}")
    click.echo(f"To {theme.paint(found.engine, bold=True)}   {found.path}")
    for text in found.warnings:
        click.echo(theme.paint("Warning: ", theme.WARNING) + text)
    if found.refusal:
        click.echo(f"`redistopo upgrade` would refuse: {found.refusal}")
        for line in found.detail.splitlines():
            click.echo(f"  {line}")
        if found.hint:
            click.echo(theme.paint("  Next: ", bold=True) + found.hint)
        return
    for number, turn in enumerate(found.turns, 1):
        click.echo(f"  {number}. {turn}")
    if found.emptied:
        them = join_names(found.emptied)
        click.echo(f"  {them}: the files can't be read, so the primary's data is copied")
    if found.back:
        click.echo(f"Way back: {found.back}")
    if not found.turns:
        click.echo("No node runs another engine.")
