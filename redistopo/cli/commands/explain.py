"""``redistopo explain``"""

import shutil
import sys
import textwrap

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show


def _topics(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """What the shell offers."""
    from redistopo.render.topics import list_topics

    return [one.name for one in list_topics() if one.name.startswith(incomplete)]


@click.command()
@click.argument("topic", required=False, default="", shell_complete=_topics)
@options.output
def explain(topic: str, as_json: bool, quiet: bool) -> None:
    """Explain a topic: what it is, how it works, what it promises, what to try.

    Without TOPIC it lists them. In a pipe it is plain markdown.
    """
    from redistopo.ops.explain import TopicResult, explain_topic

    def show(result: TopicResult) -> None:
        if not topic:
            _list({one.name: one.summary for one in result.topics})
            click.echo("\nOne of them: redistopo explain cluster")
        elif sys.stdout.isatty():
            _draw(result.topics[0].text)
        else:
            click.echo(result.topics[0].text, nl=False)

    manner = OutputOptions(verb="explain", as_json=as_json, quiet=quiet)
    run_and_show(manner, lambda _tell: explain_topic(topic), show)


_WIDEST = 100
"""Longer lines are hard to read."""

_LEAST = 16
"""As wide as the longest words are."""


def _list(summaries: dict[str, str]) -> None:
    """One line each in a pipe; on a terminal summaries are wrapped beside the names."""
    indent = max(map(len, summaries)) + 2
    # its last column is left free: some terminals break the line there
    room = min(shutil.get_terminal_size().columns, _WIDEST) - indent - 1
    for name, summary in summaries.items():
        lines = [summary]
        if sys.stdout.isatty():
            lines = textwrap.wrap(summary, max(room, _LEAST), break_on_hyphens=False)
        told = f"\n{' ' * indent}".join(lines)
        click.echo(click.style(name.ljust(indent), bold=True) + told)


def _draw(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text, hyperlinks=False), width=min(console.width, _WIDEST))
