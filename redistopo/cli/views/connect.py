"""Lines to paste, to connect to the topology."""

import click

from redistopo.cli import theme
from redistopo.render.connect import ConnectLines


def show_connect(lines: ConnectLines, indent: str = "") -> None:
    """Print all lines; the password is read from its file, and never on the screen."""
    for line in lines.shell:
        click.echo(indent + line)
    width = max(len(name) for name, _line in lines.libraries)
    for name, line in lines.libraries:
        click.echo(f"{indent}{theme.paint(name.ljust(width), dim=True)}  {line}")
