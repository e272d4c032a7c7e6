"""Commands that are printed to be typed, as they work in this shell: with the folder that --dir
named."""

import re
from pathlib import Path
from shlex import quote

import click

from redistopo.cli.options import NAMED
from redistopo.cli.verbs import VERBS
from redistopo.model.remedies.commands import warned

_WITHOUT_FOLDER = {
    "init", "run", "install", "engines", "explain", "ps", "schema", "help", "version",
}  # fmt: skip
_COMMAND = re.compile(
    rf"\bredistopo (?=(?:{'|'.join(sorted(VERBS.keys() - _WITHOUT_FOLDER))})\b)"
    r"(?![^;,(`]* (?:--dir|-C) )"
)


def typed(hint: str) -> str:
    """Return a hint as it is shown: with the folder, and with what it would lose, in words."""
    return here(warned(hint))


def here(text: str) -> str:
    """Name the topology's folder in the commands of a text, if --dir did, and it isn't the current
    one: typed as they are, they would look for a topology there."""
    context = click.get_current_context(silent=True)
    named: Path | None = context.meta.get(NAMED) if context else None
    if named is None or named.absolute() == Path.cwd():
        return text
    return _COMMAND.sub(f"redistopo -C {quote(str(named))} ", text)
