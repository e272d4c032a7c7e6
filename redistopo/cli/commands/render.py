"""``redistopo render``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.command()
@options.project
@options.engine
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to.  [rendered/ beside redistopo.toml]",
)
@options.output
def render(root: Path, engine: str, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Write every node's redis.conf, and nothing else.

    The files hold the password, and only you may read them.
    """
    from redistopo.ops.render import RenderResult
    from redistopo.ops.render import render as verb

    def show(result: RenderResult) -> None:
        count = "1 file" if len(result.files) == 1 else f"{len(result.files)} files"
        click.echo(f"{count} for {result.engine} in {result.folder}")

    manner = OutputOptions(verb="render", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda _tell: verb(root, out, engine), show)
