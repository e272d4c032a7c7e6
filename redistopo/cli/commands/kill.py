import re
import signal
from pathlib import Path

import click

from redistopo.cli import options

_NAMES = {one.name.removeprefix("SIG") for one in signal.Signals}


class _SignalFlags(click.Command):
    """Accepts ``-9`` and ``-TERM`` as kill(1) does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words: list[str] = []
        for arg in args:
            name = arg[1:].removeprefix("SIG")
            flag = re.fullmatch(r"-[0-9]{1,2}", arg) or (arg[:1] == "-" and name in _NAMES)
            words += ["--signal", name] if flag else [arg]
        return super().parse_args(ctx, words)


@click.command("kill", cls=_SignalFlags)
@options.named_nodes
@options.project
@click.option(
    "--signal",
    "-s",
    "name",
    default="SIGKILL",
    show_default=True,
    metavar="SIGNAL",
    help="Name or number: TERM, SEGV, 9; also as -TERM or -9.",
)
@options.skip_unreachable
@options.dry_run
@options.yes("Don't ask.")
@options.timeout("10s", "How long to wait for the end, after a signal that ends servers.")
@options.output
def command(
    nodes: tuple[str, ...],
    root: Path,
    name: str,
    skip_unreachable: bool,
    dry_run: bool,
    yes: bool,
    timeout: float,
) -> None:
    """Send a signal to nodes; SIGKILL by default.

    NODE is a port (7001), a name (node2), shard:2, primary, replica or sentinel; different
    kinds narrow the selection. After SIGKILL nothing is saved. Only processes that redistopo
    started get the signal. If the service loses something, a terminal is asked first.
    """
    from redistopo.cli.views import preview
    from redistopo.cli.views.node_action import show_node_action
    from redistopo.ops.preview import preview_kill
    from redistopo.ops.signals import SignalRequest, kill, parse_signal

    request = SignalRequest(
        root=root, words=nodes, seconds=timeout, skip_unreachable=skip_unreachable
    )
    preview.run_previewed(
        lambda: preview_kill(request, parse_signal(name)),
        lambda progress: kill(request, parse_signal(name), progress),
        show_node_action,
        dry=dry_run,
        yes=yes,
    )
