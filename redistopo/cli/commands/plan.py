from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("plan")
@options.project
@options.engine
@options.output
def command(root: Path, engine: str) -> None:
    """Show what `up` would do now, and why.

    Prints nodes, slots, engine, formation and steps; starts nothing.
    """
    from redistopo.cli.views.plan import show_plan
    from redistopo.ops.plan import plan

    run_and_show(lambda _progress: plan(root, engine), show_plan)
