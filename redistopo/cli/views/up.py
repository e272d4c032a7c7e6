"""The closing block of `up`: what runs, how to connect, how to stop."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import click

from redistopo.model.planning.step import Step
from redistopo.model.protocol.slots import format_ranges as slots_text
from redistopo.model.state.finding import Status
from redistopo.model.state.observed import ShardSeen
from redistopo.ops.plan import PlanResult
from redistopo.ops.up import UpResult

_MOST_SHARDS = 12


def show_up(result: UpResult) -> None:
    """What runs now, shard by shard; lines to paste; what comes next."""
    topology = result.plan.topology
    what = {"cluster": "cluster", "replication": "replication", "standalone": "server"}
    what |= {"sentinel": "replication with Sentinels"}
    verb = "is up and verified" if result.steps else "was up already: nothing to do, verified"
    checks = sum(one.status is Status.OK for one in result.findings)
    click.echo(
        click.style(f"{topology.name}", bold=True)
        + f" ({what[topology.shape]} of {len(result.plan.nodes)}, {result.engine}) "
        + f"{verb}: {checks} checks passed, {result.seconds:.2f} s"
    )
    for shard in result.shards[:_MOST_SHARDS]:
        click.echo(f"  {_shard(shard)}")
    if len(result.shards) > _MOST_SHARDS:
        click.echo(f"  ... and {len(result.shards) - _MOST_SHARDS} shards more: redistopo status")
    for one in result.findings:
        if one.status is Status.WARN:
            click.echo(click.style("  note ", fg="yellow") + f"{one.subject}: {one.evidence}")
    show_connect(result)
    command = _command(topology_root=result.plan.layout.root)
    click.echo(
        f"\nProve it again  {command('verify')}"
        f"\nLook at it      {command('status')}"
        f"\nStop it         {command('down')}   (data is kept; --wipe removes it)"
    )


def _command(topology_root: Path) -> Callable[[str], str]:
    """Verbs as they can be pasted into this shell: by path where PATH doesn't have us."""
    known = shutil.which("redistopo")
    name = "redistopo" if known else os.path.relpath(sys.argv[0])
    try:
        here = Path.cwd() == topology_root
    except FileNotFoundError:
        here = False
    place = "" if here else f" --dir {shlex.quote(os.path.relpath(topology_root))}"
    return lambda verb: f"{name} {verb}{place}"


def _shard(shard: ShardSeen) -> str:
    primary = f"{shard.primary.name} {shard.primary.address}" if shard.primary else "none"
    replicas = ", ".join(f"{node.name} :{node.port}" for node in shard.replicas)
    slots = f"slots {slots_text(shard.slots)}  " if shard.slots else ""
    return f"{slots}primary {primary}" + (f"  replicas {replicas}" if replicas else "")


def show_connect(result: UpResult) -> None:
    """Lines to paste; the password comes from its file, never onto the screen."""
    click.echo(click.style("\nConnect:", bold=True))
    for line in result.connect.shell:
        click.echo(f"  {line}")
    width = max(len(name) for name, _line in result.connect.libraries)
    for name, line in result.connect.libraries:
        click.echo(f"  {click.style(name.ljust(width), dim=True)}  {line}")


def show_steps(steps: tuple[Step, ...]) -> None:
    """The steps with their causes, as `up` would take them."""
    if not steps:
        click.echo("Steps: none, everything runs as planned.")
        return
    click.echo("Steps that `redistopo up` would take now:")
    for number, one in enumerate(steps, start=1):
        click.echo(f"  {number}. {one} - because: {one.cause}")


def show_dry_run(result: PlanResult) -> None:
    """`up --dry-run`."""
    show_steps(result.steps)
