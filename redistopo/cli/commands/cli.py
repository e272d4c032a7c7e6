"""``redistopo cli``"""

import shlex
from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show

_REST = "redistopo.rest"


class _WithRest(click.Command):
    """What follows ``--`` is not ours."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ours, rest = args, []
        if "--" in args:
            at = args.index("--")
            ours, rest = args[:at], args[at + 1 :]
        ctx.meta[_REST] = tuple(rest)
        return super().parse_args(ctx, ours)


@click.command(cls=_WithRest, options_metavar="[OPTIONS]")
@click.argument("nodes", nargs=-1, metavar="[NODE]... [-- ARGS...]")
@options.project
@click.option(
    "--user",
    type=click.Choice(["default", "replication", "admin"]),
    default="default",
    show_default=True,
    help="As whom, with acl; default is the application's.",
)
@click.option("--json", "as_json", is_flag=True, help="Run nothing; tell what would be run.")
@click.pass_context
def cli(ctx: click.Context, nodes: tuple[str, ...], root: Path, user: str, as_json: bool) -> None:
    """Open redis-cli or valkey-cli on a node, with everything it needs to come in.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; without any, the
    first primary. What follows -- is for the CLI: redistopo cli node2 -- INFO memory. The password
    is in its environment alone; a Sentinel's is its own.
    """
    from redistopo.ops.cli import CliRequest
    from redistopo.ops.cli import cli as verb

    request = CliRequest(root=root, words=nodes, user=user, rest=ctx.meta[_REST], run=not as_json)
    manner = OutputOptions(verb="cli", as_json=as_json)
    run_and_show(
        manner, lambda _tell: verb(request), lambda result: click.echo(shlex.join(result.argv))
    )
