"""`up`: what runs, how to connect, how to stop."""

import os
import shutil
import sys

import click

from redistopo.cli import theme
from redistopo.cli.commands_here import here, typed
from redistopo.cli.run_verb import output
from redistopo.cli.views.connect import show_connect
from redistopo.model.planning.step import Step
from redistopo.model.protocol.slots import format_ranges_briefly as slots_text
from redistopo.model.state.finding import Finding, Status
from redistopo.model.state.shards import ShardSeen
from redistopo.ops.up import UpResult
from redistopo.progress import Event, EventKind, Progress

_MOST_SHARDS = 12


def show_up(result: UpResult) -> None:
    """Print what runs now, lines to paste, and what to type next; one line if nothing changed."""
    topology = result.plan.topology
    what = {"cluster": "cluster", "replication": "replication", "standalone": "server"}
    what |= {"sentinel": "replication with Sentinels"}
    done = "is up and verified" if result.steps else "is up already: nothing to do, verified"
    passed = sum(one.status is Status.OK for one in result.findings)
    warnings = [one for one in result.findings if one.status in (Status.WARN, Status.UNKNOWN)]
    counted = here(f", {len(warnings)} warned (redistopo verify)") if warnings else ""
    click.echo(
        theme.paint(f"{topology.name}", bold=True)
        + f" ({what[topology.shape]} of {len(result.plan.nodes)}, {result.engine}) "
        + f"{done}: {passed} checks passed{'' if result.steps else counted}, {result.seconds:.2f} s"
    )
    if result.steps:
        _show_shards(result)
        for one in warnings:
            label = theme.paint("  warning ", theme.WARNING)
            click.echo(f"{label}{one.subject}: {one.evidence}")
        click.echo(theme.paint("\nConnect:", bold=True))
        show_connect(result.connect, indent="  ")
        _show_next(ours=topology.adopted is None)


def without_idle_steps(progress: Progress) -> Progress:
    """Return a progress that leaves out checks which end before any other step: an `up` that has
    nothing to do prints one line. Programs get every event."""
    if output().format:
        return progress
    changed = False

    def report(event: Event) -> None:
        nonlocal changed
        done = event.kind is EventKind.DONE
        changed = changed or (done and event.changes)
        if changed or not done:
            progress(event)

    return report


def _show_shards(result: UpResult) -> None:
    for shard in result.shards[:_MOST_SHARDS]:
        click.echo(f"  {_shard(shard)}")
    if len(result.shards) > _MOST_SHARDS:
        more = f"  ... and {len(result.shards) - _MOST_SHARDS} shards more: redistopo status"
        click.echo(here(more))


def _show_next(*, ours: bool) -> None:
    """Print verbs so that they can be pasted into this shell."""
    name = "redistopo" if shutil.which("redistopo") else os.path.relpath(sys.argv[0])
    stop = f"\nStop it          {name} down   (data is kept; --wipe removes it)"
    click.echo(
        here(f"\nVerify it again  {name} verify\nShow its state   {name} status{stop * ours}")
    )


def _shard(shard: ShardSeen) -> str:
    primary = f"{shard.primary.name} {shard.primary.address}" if shard.primary else "none"
    replicas = ", ".join(f"{node.name} :{node.port}" for node in shard.replicas)
    slots = f"slots {slots_text(shard.slots)}  " if shard.slots else ""
    return f"{slots}primary {primary}" + (f"  replicas {replicas}" if replicas else "")


def show_steps(
    steps: tuple[Step, ...],
    warnings: tuple[str, ...] = (),
    faults: tuple[Finding, ...] = (),
    verb: str = "up",
) -> None:
    """Print warnings, the steps with their causes, in order, and the faults that they leave."""
    for text in warnings:
        click.echo(theme.paint("Warning: ", theme.WARNING) + text)
    if steps:
        click.echo(f"Steps that `redistopo {verb}` would take now:")
    elif warnings or faults:
        click.echo("Steps: none, nothing that `redistopo up` would do.")
    else:
        click.echo("Steps: none, everything runs as planned.")
    for number, one in enumerate(steps, start=1):
        click.echo(f"  {number}. {one} - because: {one.cause}")
    if faults:
        click.echo("Faults that no step repairs, so that `redistopo up` would exit with 3:")
    for fault in faults:
        head = theme.paint(f"  fail {fault.check} {fault.subject}: ", theme.ERROR)
        click.echo(f"{head}{fault.evidence}")
        if fault.hint:
            click.echo(f"     Next: {typed(fault.hint)}")
