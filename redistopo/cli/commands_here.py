"""Commands that are printed to be typed, as they work in this shell: with the folder that --dir
named."""

import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from shlex import quote

import click

from redistopo.cli.options import NAMED
from redistopo.cli.printable import printable
from redistopo.cli.verbs import VERBS
from redistopo.model.remedies.commands import warned

_WITHOUT_FOLDER = {
    "init", "run", "install", "engines", "explain", "ps", "schema", "help", "version",
}  # fmt: skip


def typed(hint: str) -> str:
    """Return a hint as it is shown: with the folder, and with what it would lose, in words."""
    return here(warned(hint))


def here(text: str) -> str:
    """Name the topology's folder in the commands of a text, if --dir did, and it isn't the current
    one: typed as they are, they would look for a topology there."""
    context = click.get_current_context(silent=True)
    named: Path | None = context.meta.get(NAMED) if context else None
    return at(named, text) if named is not None else text


def at(folder: Path, text: str) -> str:
    """Name this topology's folder in the commands of a text, unless it is the current one."""
    if _is_current(folder):
        return text
    place = printable(quote(str(folder)))
    return _command().sub(lambda _found: f"redistopo -C {place} ", text)


def _is_current(folder: Path) -> bool:
    with suppress(OSError):  # the current folder may be gone
        return folder.absolute() == Path.cwd()
    return False


@cache
def _command() -> re.Pattern[str]:
    """Where a command of redistopo begins that looks for a topology, and names no folder yet."""
    verbs = "|".join(sorted(VERBS.keys() - _WITHOUT_FOLDER))
    return re.compile(rf"\bredistopo (?=(?:{verbs})\b)(?![^;,(`]* (?:--dir|-C) )")
