import click

from redistopo import __version__
from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show
from redistopo.errors import ExitCode
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionResult:
    """The version of this program."""

    version: str = __version__
    code: ExitCode = ExitCode.DONE


@click.command("version")
@options.output
def command() -> None:
    """Print the version."""
    run_and_show(
        lambda _progress: VersionResult(),
        lambda result: click.echo(f"redistopo {result.version}"),
        value=True,
    )
