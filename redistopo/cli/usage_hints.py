"""An invalid command line: what is wrong with it, and what to type instead."""

import re

import click

from redistopo.cli.other_tools import ANSWERS, FOREIGN_OPTIONS
from redistopo.cli.spelling import similar
from redistopo.cli.verbs import VERBS

_NO_NUMBER = re.compile(r"is not a valid (?:integer|float)(?: range)?")
"""click's words."""


class UnknownVerb(click.UsageError):
    """A word that is not a verb of redistopo."""

    def __init__(self, word: str, group: click.Group, ctx: click.Context) -> None:
        super().__init__(f"{ctx.command_path} has no verb {word!r}", ctx)
        self.hint = _instead(word, group, ctx)


class ExactForm(click.UsageError):
    """A command line whose exact form is known."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def describe(error: click.ClickException) -> tuple[str, str]:
    """Return the message for an invalid command line, and the hint."""
    if isinstance(error, UnknownVerb | ExactForm):
        return error.message, error.hint
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx else "redistopo"
    if isinstance(error, click.NoSuchOption) and ctx:
        return _no_such_option(error, ctx)
    message = _NO_NUMBER.sub("is not a number", error.format_message())
    message = message.partition(" Choose from:")[0]  # the names in a column; the name has them
    return message[:1].lower() + message[1:].removesuffix("."), f"{path} --help"


def _instead(word: str, group: click.Group, ctx: click.Context) -> str:
    top = ctx.parent is None
    if top and word in ANSWERS:
        return ANSWERS[word]
    known = VERBS if top else group.list_commands(ctx)
    if near := similar(word, known):
        return " or ".join(f"{ctx.command_path} {name}" for name in near)
    return f"{ctx.command_path} --help lists them"


def _no_such_option(error: click.NoSuchOption, ctx: click.Context) -> tuple[str, str]:
    name = error.option_name
    message = f"{ctx.command_path} has no option {name}"
    if foreign := FOREIGN_OPTIONS.get((ctx.info_name or "", name)):
        return message, foreign
    known = [option for param in ctx.command.get_params(ctx) for option in param.opts]
    near = similar(name, [option for option in known if option.startswith("--")])
    spelled = " or ".join(f"{ctx.command_path} {option}" for option in near if len(name) > 2)
    return message, spelled or f"{ctx.command_path} --help"
