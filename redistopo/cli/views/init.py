"""`init`: what was written, and what to type next."""

from pathlib import Path

import click

from redistopo.cli.counts import counted
from redistopo.ops.init import InitResult


def show_init(result: InitResult, root: Path) -> None:
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
    here = "" if root == Path() else f" --dir {root}"
    if topology.hosts:
        click.echo(f"See where nodes are placed: redistopo plan{here}")
    click.echo(f"Start it: redistopo up{here}")
