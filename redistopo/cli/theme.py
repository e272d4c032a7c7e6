"""Colours on a terminal, by their meaning; no other module names a colour."""

from collections.abc import Mapping

import click

OK = "green"
WARNING = "yellow"
ERROR = "red"
NOTE = "cyan"
ELECTION = "magenta"
REPAIR = "blue"
DIM = "dim"
BOLD = "bold"

CELLS: Mapping[str, str] = {
    "ok": OK,
    "warn": WARNING,
    "unknown": WARNING,
    "fail": f"{BOLD} {ERROR}",
    "skip": DIM,
    "running": OK,
    "stopped": ERROR,
    "paused": WARNING,
    "silent": f"{BOLD} {ERROR}",
    "link down": f"{BOLD} {ERROR}",
    "cluster fail": f"{BOLD} {ERROR}",
    "loading": WARNING,
    "primary": BOLD,
    "yes": OK,
}
"""Styles of table cells with these texts, in the notation of rich."""

LOG_NAMES = ("cyan", "green", "yellow", "magenta", "blue", "bright_red")
"""Colours of node names in merged logs, in turn."""


def paint(text: str, color: str | None = None, *, bold: bool = False, dim: bool = False) -> str:
    """Return the text in that colour, for click.echo."""
    return click.style(text, fg=color or None, bold=bold or None, dim=dim or None)


def verdict(word: str, *, good: bool) -> str:
    """Return a closing word such as Healthy or FAIL: bold, green or red."""
    return paint(word, OK if good else ERROR, bold=True)
