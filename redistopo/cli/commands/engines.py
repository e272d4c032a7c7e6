import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("engines")
@options.output
def command() -> None:
    """List the servers on this machine.

    The first server is used, unless the topology file or --engine selects another. If there is
    none, the command to install one is printed.
    """
    from redistopo.cli.views.status import show_engines
    from redistopo.ops.engines import engines

    run_and_show(lambda _progress: engines(), show_engines)
