"""``redistopo plan``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.project
@options.engine
@options.output
def plan(root: Path, engine: str, as_json: bool, quiet: bool) -> None:
    """Show what `up` would do now, and why; starts nothing."""
    from redistopo.cli.views.plan import show_plan
    from redistopo.ops.plan import plan as verb

    manner = OutputOptions(verb="plan", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda _tell: verb(root, engine), show_plan)
