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
    click.echo(f"{topology.name}: {topology.shape.value} of {nodes}, ports {result.ports}")
    here = "" if root == Path() else f" --dir {root}"
    click.echo(f"Start it: redistopo up{here}")
