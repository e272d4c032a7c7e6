"""``redistopo call``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


class _OptionsFirst(click.Command):
    """Every word from the command's first on is the server's; one that looks like an option of
    ours is asked about, unless ``--`` stands before the command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        sure = "--" in args
        rest = super().parse_args(ctx, args)
        known = {name for one in self.params for name in one.opts if name.startswith("--")}
        for word in ctx.params.get("command", ())[1:]:
            if word.partition("=")[0] in known and not sure:
                raise click.UsageError(
                    f"{word} stands after the server's command: put options before it, or `--` "
                    "if the server is to get it",
                    ctx,
                )
        return rest


@click.command(
    cls=_OptionsFirst,
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
@click.option(
    "--node", "words", multiple=True, metavar="NODE", help="Only these; such as 'shard:2 replica'."
)
@options.project
@options.timeout("5s", "How long each node has for its answer.")
@options.output
def call(
    command: tuple[str, ...],
    words: tuple[str, ...],
    root: Path,
    timeout: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Give all nodes a command, at once; each one's reply is shown.

    COMMAND is typed as for redis-cli, after the options: redistopo call --node primary INFO memory.
    Passwords in replies are hidden. The exit code is 1 where a node refused, or didn't answer.
    """
    from redistopo.cli.views.call import show_call
    from redistopo.ops.call import CallRequest
    from redistopo.ops.call import call as verb

    request = CallRequest(root=root, command=command, words=words, seconds=timeout)
    manner = OutputOptions(verb="call", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda _tell: verb(request), show_call)
