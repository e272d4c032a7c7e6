"""`explain`: the list of topics, or a single topic."""

import shutil
import sys
import textwrap

import click

from redistopo.cli import theme

_WIDEST = 100
"""Longer lines are hard to read."""

_LEAST = 16
"""The width of the longest words."""


def list_topics(summaries: dict[str, str]) -> None:
    """Print one line each in a pipe; wrap summaries beside the names on a terminal."""
    indent = max(map(len, summaries)) + 2
    # the last column stays free: some terminals break the line there
    room = min(shutil.get_terminal_size().columns, _WIDEST) - indent - 1
    for name, summary in summaries.items():
        lines = [summary]
        if sys.stdout.isatty():
            lines = textwrap.wrap(summary, max(room, _LEAST), break_on_hyphens=False)
        text = f"\n{' ' * indent}".join(lines)
        click.echo(theme.paint(name.ljust(indent), bold=True) + text)


def draw_topic(text: str) -> None:
    """Print a topic's markdown, rendered."""
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text, hyperlinks=False), width=min(console.width, _WIDEST))
