"""The group of all verbs: each is imported when it is used, and --help shows them in groups."""

from importlib import import_module
from typing import TYPE_CHECKING

import click

from redistopo.cli.verbs import GROUPS, VERBS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_RARE = "More"
"""Verbs of this group are listed by name only, so that the help fits one screen."""

_MODULES = {"import": "import_keys"}
"""Verbs whose name is none for a module."""

_CODES_AND_VARIABLES = """\
Exit codes: 0 done, 1 failed, 2 usage or topology file, 3 a check found a fault,
            4 the machine lacks something, 130 interrupted
Variables:  REDISTOPO_DIR, REDISTOPO_PASSWORD, REDISTOPO_SERVER, NO_COLOR
"""


class SubGroup(click.Group):
    """A group whose error for an unknown verb suggests what to type."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if (
            not ctx.resilient_parsing
            and not args[0].startswith("-")
            and (self.get_command(ctx, args[0]) is None)
        ):
            from redistopo.cli.usage_hints import UnknownVerb

            raise UnknownVerb(args[0], self, ctx)
        return super().resolve_command(ctx, args)


class VerbGroup(SubGroup):
    """`redistopo` itself."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        module = _MODULES.get(cmd_name, cmd_name.replace("-", "_"))
        found: click.Command = import_module(f"redistopo.cli.commands.{module}").command
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(VERBS)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Offer verbs with their summaries, without importing any."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=summary)
            for name, summary in VERBS.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs, then the options, without importing any verb."""
        import textwrap

        formatter.write("\n")
        for title, verbs in GROUPS.items():
            head = f"{title}:".ljust(9)
            if title == _RARE:
                names = textwrap.wrap(" ".join(verbs), formatter.width - len(head))
                for number, line in enumerate(names):
                    formatter.write(f"{head if number == 0 else '':9}{line}\n")
                continue
            for number, (name, summary) in enumerate(verbs.items()):
                room = formatter.width - 19
                text = textwrap.shorten(summary, room, placeholder="...")
                formatter.write(f"{head if number == 0 else '':9}{name:<10}{text}\n")
        formatter.write("\n")
        options = [f"{', '.join(one.opts)}" for one in self.get_params(ctx)]
        formatter.write(f"Options: {'; '.join(options)}\n{_CODES_AND_VARIABLES}")
