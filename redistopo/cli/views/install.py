"""`install`: the commands, a question, and the installed server."""

import click

from redistopo.cli import theme
from redistopo.model.planning.install_recipe import Recipe
from redistopo.ops.install import InstallResult


def confirmed(recipe: Recipe, *, ask: bool) -> bool:
    """Show the commands, and return whether the user agreed; False without a terminal, or if
    the user has to run them."""
    if recipe.obstacle or not ask:
        return False
    for line in _commands(recipe):
        click.echo(line, err=True)
    return click.confirm("Run this?", err=True)


def show_install(result: InstallResult) -> None:
    """Print the server that replied, or that was found before, or what to type."""
    offered = result.offer
    if offered.found:
        click.echo(f"{offered.found.title} is installed already: {offered.found.path}")
        click.echo("To install another one: redistopo install --with ..., or --engine VERSION")
    elif result.engine and result.trial:
        bold = theme.paint(result.engine.title, bold=True)
        tls = "with TLS" if result.engine.tls else "without TLS"
        click.echo(f"{bold} ({tls}) replies {result.trial.reply}: {result.engine.path}")
        click.echo("Next: redistopo init cluster; redistopo up")
    elif offered.recipe:
        for line in _commands(offered.recipe):
            click.echo(line)
        click.echo(_why_not(offered.recipe))


def _commands(recipe: Recipe) -> list[str]:
    return [f"  {one}" for one in recipe.shown] + [f"note: {one}" for one in recipe.notes]


def _why_not(recipe: Recipe) -> str:
    if recipe.obstacle:
        return f"Nothing was run: {recipe.obstacle}\n  Next: {recipe.hint}"
    return "Nothing was run: confirm on a terminal, or add --yes"
