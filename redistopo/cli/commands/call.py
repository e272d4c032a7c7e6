from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.run_verb import run_and_show
from redistopo.cli.usage_hints import ExactForm


class _OptionsFirst(click.Command):
    """Passes on every word after the server's command. A word there that has the name of an option
    of this command is an error, unless ``--`` precedes the command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        explicit = "--" in args
        rest = super().parse_args(ctx, args)
        known = {name for one in self.params for name in one.opts if name.startswith("--")}
        words: tuple[str, ...] = ctx.params.get("command") or ()
        for word in words[1:]:
            if word.partition("=")[0] in known and not explicit:
                raise ExactForm(
                    f"{word} is after the server's command; put options before it",
                    f"redistopo call {word} ... {words[0]}; or, if the server is to get it: "
                    f"redistopo call -- {' '.join(words)}",
                )
        return rest


@click.command(
    "call",
    cls=_OptionsFirst,
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
@options.node_option("--node", "words", "Only these nodes, for example 'shard:2 replica'.")
@options.project
@options.timeout("5s", "Time limit for the reply of each node.")
@options.output
def command(command: tuple[str, ...], words: tuple[str, ...], root: Path, timeout: float) -> None:
    """Run a command on several nodes and show the replies.

    COMMAND is written as for redis-cli, after the options: redistopo call --node primary INFO
    memory. Passwords in replies are hidden. Exit code 1 if a node refused or didn't reply.
    """
    from redistopo.cli.views.call import show_call
    from redistopo.ops.call import CallRequest, call

    request = CallRequest(root=root, command=command, words=words, seconds=timeout)
    run_and_show(lambda _progress: call(request), show_call, value=True)
