"""`plan`, `--dry-run`: the steps of a change, and what they take, before anything is done."""

import click

from redistopo.cli.views.up import show_steps
from redistopo.model.planning.change_cost import ChangeCost
from redistopo.model.planning.host_package import HostPackage
from redistopo.ops.plan import PlanResult


def show_steps_and_cost(result: PlanResult, verb: str = "up") -> None:
    """Print what is installed first, the steps, the faults that they leave, and what they take."""
    if result.package is not None:
        _show_package(result.package)
    show_steps(result.steps, result.warnings, result.faults, verb=verb)
    if result.cost is not None:
        _show_cost(result.cost)


def _show_package(needed: HostPackage) -> None:
    where = ", ".join(needed.hosts)
    unless = "" if needed.asked else " if no server that fits is there (they were not asked yet)"
    click.echo(f"First: install {needed.package} on {where}{unless}.")


def _show_cost(cost: ChangeCost) -> None:
    if cost.moves:
        from redistopo.cli.views.slot_moves import show_shard_moves

        show_shard_moves(cost.moves, cost.measured)
    if cost.memory:
        room = f"{cost.memory / (1 << 20):,.1f} MB"
        click.echo(f"Room: new nodes may need {room} of memory, and as much on disk.")
    if cost.clients:
        click.echo(f"Clients: {cost.clients}.")
    if cost.clients and not (cost.moves or cost.memory):
        return  # nothing but nodes that end: no data moves
    rate = f", at {cost.keys_per_second:,} keys/s by {cost.method}" if cost.moves else ""
    click.echo(f"Estimate: the data is there after about {max(cost.seconds, 0.1):.1f} s{rate}.")
