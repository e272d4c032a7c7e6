from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show


@click.command("bundle")
@options.project
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File or folder to write to.  [default: beside redistopo.toml]",
)
@options.output
def command(root: Path, out: Path | None) -> None:
    """Collect logs and state for a bug report, without secrets.

    Writes one .tar.gz that only you can read. Passwords, keys, users and data are left out. It
    contains the timeline of the last `up`, and the nodes' output if that failed.
    """
    from redistopo.ops.bundle import BundleResult, bundle

    def show(result: BundleResult) -> None:
        click.echo(str(result.path))
        click.echo(
            f"{len(result.members)} files, {result.size // 1024 + 1} kB, without secrets and data; "
            "read them before you share it."
        )

    run_and_show(lambda progress: bundle(root, out, progress), show)
