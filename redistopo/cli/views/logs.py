"""All nodes' logs as they grow, each line with its node's name in its own colour."""

import click

from redistopo.model.plan import Plan
from redistopo.world.follow import follow

_COLORS = ("cyan", "green", "yellow", "magenta", "blue", "bright_red")


def follow_logs(plan: Plan) -> None:
    """Lines until Ctrl-C; the servers go on without us."""
    width = max(len(node.name) for node in plan.nodes)
    logs = {node.name: node.folder.log for node in plan.nodes}
    colors = {name: _COLORS[n % len(_COLORS)] for n, name in enumerate(logs)}
    click.echo(f"\nFollowing {len(logs)} logs; Ctrl-C leaves the servers running.", err=True)
    try:
        for name, line in follow(logs):
            click.echo(f"{click.style(name.ljust(width), fg=colors[name])} | {line}")
    except KeyboardInterrupt:
        click.echo("\nDetached; the servers go on. Stop them: redistopo down", err=True)
