"""``redistopo ps``"""

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.output
def ps(as_json: bool, quiet: bool) -> None:
    """List your topologies on this machine, and orphans."""
    from redistopo.cli.views.status import show_ps
    from redistopo.ops.ps import ps as verb

    run_and_show(
        OutputOptions(verb="ps", as_json=as_json, quiet=quiet), lambda _tell: verb(), show_ps
    )
