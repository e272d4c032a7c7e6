import click

from redistopo.cli import complete


@click.command("help")
@click.argument("verb", nargs=-1, shell_complete=complete.verbs)
@click.pass_context
def command(ctx: click.Context, verb: tuple[str, ...]) -> None:
    """Show the help of a verb.

    Without VERB, lists all verbs; subcommands are named too: redistopo help drill failover.
    """
    here = ctx.find_root()
    for word in verb:
        if not isinstance(here.command, click.Group):
            break
        name, found, _rest = here.command.resolve_command(here, [word])
        if found is not None:
            here = click.Context(found, info_name=name, parent=here)
    click.echo(here.get_help())
