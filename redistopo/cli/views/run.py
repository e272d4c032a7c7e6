"""What is left to say after another program's own output; on stderr, as that has stdout."""

import click

from redistopo.cli import theme
from redistopo.cli.commands_here import at
from redistopo.cli.run_verb import output, print_error
from redistopo.model.protocol.reply_text import escaped_line
from redistopo.model.remedies.commands import warned
from redistopo.model.remedies.of_topology import wipe
from redistopo.ops.run import RunResult


def show_run(result: RunResult) -> None:
    """Print why it wasn't run; else the servers' last warnings, and how to end what still runs."""
    if result.problem:
        print_error(result.problem)
    if output().quiet:
        return
    if result.warnings:
        click.echo(f"The command ended with {result.code}; meanwhile the servers logged:", err=True)
        for one in result.warnings:
            for line in one.text.splitlines():
                click.echo(f"  {theme.paint(one.node, dim=True)}  {escaped_line(line)}", err=True)
    if result.kept:
        click.echo(f"It still runs. To end it: {at(result.kept, warned(wipe()))}", err=True)
