"""`init`: what was written, and what to type next."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redistopo.cli.commands_here import at
from redistopo.cli.counts import counted

if TYPE_CHECKING:
    from redistopo.ops.adopt import AdoptResult
    from redistopo.ops.init import InitResult


def show_init(result: "InitResult", root: Path) -> None:
    """Print the file, the topology and its ports."""
    done = "replaced" if result.replaced else "written"
    click.echo(f"{result.path} {done if result.written else 'has exactly these values already'}")
    topology = result.topology
    nodes = counted(topology.count, "node")
    where = f"ports {result.ports}"
    if hosts := topology.hosts:
        on = counted(len(hosts.machines), "host") if hosts.machines else f"group {hosts.group}"
        where = f"on {on}, ports from {topology.port}"
    click.echo(f"{topology.name}: {topology.shape.value} of {nodes}, {where}")
    if topology.hosts:
        click.echo(at(root, "See where nodes are placed: redistopo plan"))
    click.echo(at(root, "Start it: redistopo up"))


def show_adopted(result: "AdoptResult", root: Path) -> None:
    """Print the file, the adopted servers, and what couldn't be read."""
    done = "replaced" if result.replaced else "written"
    click.echo(f"{result.path} {done if result.written else 'has exactly these values already'}")
    topology = result.topology
    nodes = counted(topology.count, "node")
    click.echo(f"{topology.name}: {topology.shape.value} of {nodes}, which run already")
    for one in result.unknown:
        click.echo(f"Not known: {one}")
    click.echo(at(root, "Check it: redistopo verify"))
