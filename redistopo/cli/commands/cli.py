import shlex
from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import output, run_and_show

_REST = "redistopo.rest"


class _WithRest(click.Command):
    """What follows ``--`` belongs to the CLI."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ours, rest = args, []
        if "--" in args:
            at = args.index("--")
            ours, rest = args[:at], args[at + 1 :]
        ctx.meta[_REST] = tuple(rest)
        return super().parse_args(ctx, ours)


@click.command("cli", cls=_WithRest, options_metavar="[OPTIONS]")
@options.selectors("[NODE]... [-- ARGS...]")
@options.project
@click.option(
    "--user",
    type=click.Choice(["default", "replication", "admin"]),
    default="default",
    show_default=True,
    help="User to log in as, with acl = true; default is the application's.",
)
@options.formats
@click.pass_context
def command(ctx: click.Context, nodes: tuple[str, ...], root: Path, user: str) -> None:
    """Open redis-cli or valkey-cli on a node.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; the default is the
    first primary. Words after -- are passed to the CLI: redistopo cli node2 -- INFO memory.
    Address, TLS files and password are set; the password is passed by the environment only. With
    --json, the command is printed and not run.
    """
    from redistopo.ops.cli import CliRequest, cli

    run = output().format is None
    request = CliRequest(root=root, words=nodes, user=user, rest=ctx.meta[_REST], run=run)
    run_and_show(lambda _progress: cli(request), lambda result: click.echo(shlex.join(result.argv)))
