"""Stopped Sentinels whose primary has another name in the topology file: their own files, which
they maintain, have the former one. Pure."""

import re

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import TopologyState

_OF_NO_PRIMARY = (
    "announce-hostnames|announce-ip|announce-port|current-epoch|deny-scripts-reconfig|myid|"
    "resolve-hostnames|sentinel-pass|sentinel-user"
)
"""What a Sentinel's file has of itself (sentinel.c, sentinelHandleConfiguration)."""


def rename_steps(plan: Plan, record: TopologyState | None, seen: Observed) -> tuple[Step, ...]:
    """Return the step for stopped Sentinels whose files name the primary otherwise."""
    if record is None or not record.formed:
        return ()
    new = plan.topology.name
    former = {
        node.name: {state.name: new}
        for node in seen.nodes
        if not node.running and (state := node.on_disk.sentinel) and state.name != new
    }
    cause = "the topology file has another name"
    step = Step(do=StepKind.RENAME, nodes=tuple(former), cause=cause, settings=former)
    return (step,) if former else ()


def renamed(text: str, was: str, new: str) -> str:
    """Return a sentinel.conf, as the Sentinel wrote it, in which the primary has another name."""
    line = re.compile(
        rf"^(sentinel[ \t]+(?!(?:{_OF_NO_PRIMARY})[ \t])\S+[ \t]+){re.escape(was)}(?=[ \t]|$)",
        re.MULTILINE,
    )
    return line.sub(lambda found: found[1] + new, text)
