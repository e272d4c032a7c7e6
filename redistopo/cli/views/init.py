"""`init`: what was written, and what to type next."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

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
    here = "" if root == Path() else f" --dir {quote(str(root))}"
    if topology.hosts:
        click.echo(f"See where nodes are placed: redistopo plan{here}")
    click.echo(f"Start it: redistopo up{here}")


def show_adopted(result: "AdoptResult", root: Path) -> None:
    """Print the file, the adopted servers, and what couldn't be read."""
    done = "replaced" if result.replaced else "written"
    click.echo(f"{result.path} {done if result.written else 'has exactly these values already'}")
    topology = result.topology
    nodes = counted(topology.count, "node")
    click.echo(f"{topology.name}: {topology.shape.value} of {nodes}, which run already")
    for one in result.unknown:
        click.echo(f"Not known: {one}")
    here = "" if root == Path() else f" --dir {quote(str(root))}"
    click.echo(f"Check it: redistopo verify{here}")
