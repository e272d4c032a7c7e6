from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.counts import counted
from redistopo.cli.run_verb import run_and_show


@click.command("render")
@options.project
@options.engine
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to.  [default: rendered/ beside redistopo.toml]",
)
@options.output
def command(root: Path, engine: str, out: Path | None) -> None:
    """Write the redis.conf of each node.

    The files contain the password; only you can read them. Nothing is started.
    """
    from redistopo.ops.render import RenderResult, render

    def show(result: RenderResult) -> None:
        click.echo(f"{counted(len(result.files), 'file')} for {result.engine} in {result.folder}")

    run_and_show(lambda _progress: render(root, out, engine), show)
