"""What an installation would run, asked before; and what it brought."""

import click

from redistopo.model.planning.install_recipe import Recipe
from redistopo.ops.install import InstallResult


def agreed(recipe: Recipe, *, ask: bool) -> bool:
    """Whether the user, who has seen the commands, wants them run; False where nobody can be
    asked, and where they can't be run anyway: then they are for the user to type."""
    if recipe.obstacle or not ask:
        return False
    for line in _commands(recipe):
        click.echo(line, err=True)
    return click.confirm("Run this?", err=True)


def show_install(result: InstallResult) -> None:
    """The server that answered; or what was found, or what is to be typed."""
    offered = result.offer
    if offered.found:
        click.echo(f"{offered.found.title} is here already: {offered.found.path}")
        click.echo("Another one, by pip or your system: redistopo install --with ...")
    elif result.engine and result.trial:
        bold = click.style(result.engine.title, bold=True)
        click.echo(f"{bold} answers {result.trial.reply}: {result.engine.path}")
        click.echo("Go on: redistopo init cluster; redistopo up")
    elif offered.recipe:
        for line in _commands(offered.recipe):
            click.echo(line)
        click.echo(_why_not(offered.recipe))


def _commands(recipe: Recipe) -> list[str]:
    return [f"  {one}" for one in recipe.shown] + [f"note: {one}" for one in recipe.notes]


def _why_not(recipe: Recipe) -> str:
    if recipe.obstacle:
        return f"Nothing was run: {recipe.obstacle}\n  Next: {recipe.hint}"
    return "Nothing was run: agree on a terminal, or by --yes"
