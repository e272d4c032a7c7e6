from pathlib import Path

import click

from redistopo.cli import complete, options
from redistopo.cli.run_verb import run_and_show


@click.command("connect")
@click.argument("client", required=False, default="", shell_complete=complete.clients)
@options.project
@options.output
def command(client: str, root: Path) -> None:
    """Print how to connect: shell, Python, Node, Go, Java.

    CLIENT is one of shell, python, node, go, java or url; then only its lines are printed. The
    password is read from its file; it isn't printed.
    """
    from redistopo.cli.views.connect import show_connect
    from redistopo.ops.connect import ConnectResult, connect

    def show(result: ConnectResult) -> None:
        if not client:
            show_connect(result.connect)
        for line in result.lines:
            click.echo(line)

    run_and_show(lambda progress: connect(root, client, progress), show, value=True)
