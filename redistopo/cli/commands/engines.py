"""``redistopo engines``"""

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.output
def engines(as_json: bool, quiet: bool) -> None:
    """List the servers on this machine, or how to get one."""
    from redistopo.cli.views.status import show_engines
    from redistopo.ops.engines import engines as verb

    manner = OutputOptions(verb="engines", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda _tell: verb(), show_engines)
