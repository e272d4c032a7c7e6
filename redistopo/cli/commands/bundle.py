"""``redistopo bundle``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.project
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File or folder to write to.  [beside redistopo.toml]",
)
@options.output
def bundle(root: Path, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Collect logs, state and limits for a report, without secrets.

    One .tar.gz that only you may read. Passwords, keys, users and data are left out; the
    timeline of the last `up` and what its nodes said when it failed are in it.
    """
    from redistopo.ops.bundle import BundleResult
    from redistopo.ops.bundle import bundle as verb

    def show(result: BundleResult) -> None:
        click.echo(str(result.path))
        click.echo(
            f"{len(result.members)} files, {result.size // 1024 + 1} kB, without secrets and data; "
            "look through it before you pass it on."
        )

    manner = OutputOptions(verb="bundle", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda progress: verb(root, out, progress), show)
