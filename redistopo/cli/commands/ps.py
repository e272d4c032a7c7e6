import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("ps")
@options.output
def command() -> None:
    """List your topologies on this machine, and orphans.

    An orphan is a server that runs in a topology's folder, and that no topology started.
    """
    from redistopo.cli.views.status import show_ps
    from redistopo.ops.ps import ps

    run_and_show(lambda _progress: ps(), show_ps)
