from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show
from redistopo.cli.verb_group import SubGroup


@click.group("templates", cls=SubGroup)
def command() -> None:
    """Export the configuration templates, to edit them."""


@command.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace files that differ.")
@options.output
def export(folder: Path, force: bool) -> None:
    """Write all templates to FOLDER.

    Set `templates = "FOLDER"` in redistopo.toml to use them. Delete the templates that you
    don't change: the built-in templates are used instead.
    """
    from redistopo.ops.templates import TemplatesResult, export_templates

    def show(result: TemplatesResult) -> None:
        click.echo(f"{len(result.files)} templates in {result.folder}")
        click.echo(f'To use them: templates = "{result.folder}" in redistopo.toml')

    run_and_show(lambda _progress: export_templates(folder, force=force), show)
