"""``redistopo templates``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


@click.group()
def templates() -> None:
    """Export the templates of redis.conf, to edit and use your own."""


@templates.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace files that differ.")
@options.output
def export(folder: Path, force: bool, as_json: bool, quiet: bool) -> None:
    """Write all templates to FOLDER.

    Name it by `templates = "FOLDER"` in redistopo.toml; delete what you don't change, and
    ours is used.
    """
    from redistopo.ops.templates import TemplatesResult, export_templates

    def show(result: TemplatesResult) -> None:
        click.echo(f"{len(result.files)} templates in {result.folder}")
        click.echo(f'Use them: templates = "{result.folder}" in redistopo.toml')

    manner = OutputOptions(verb="templates export", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda _tell: export_templates(folder, force=force), show)
