"""Stopped Sentinels whose primary has another name in the topology file: their own files, which
they maintain, have the former one. Pure."""

import re

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.sentinel_replies import monitored_names
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import TopologyState

_OF_NO_PRIMARY = (
    "announce-hostnames|announce-ip|announce-port|current-epoch|deny-scripts-reconfig|myid|"
    "resolve-hostnames|sentinel-pass|sentinel-user"
)
"""What a Sentinel's file has of itself (sentinel.c, sentinelHandleConfiguration)."""


def rename_steps(plan: Plan, record: TopologyState | None, seen: Observed) -> tuple[Step, ...]:
    """Return the step for stopped Sentinels whose files name the primary otherwise: none that
    monitors several, and after an interruption none that monitors a server of others."""
    if record is None or not record.formed:
        return ()
    new, nodes = plan.topology.name, [node for node in seen.nodes if node.on_disk.sentinel]
    names = {one.name: monitored_names(read_conf(one.on_disk.config or "")) for one in nodes}
    begun = any(new in some for some in names.values())
    ours = {node.address for node in plan.nodes}
    ours |= {str(Endpoint(node.host, node.port)) for node in record.nodes}
    former = {
        node.name: {names[node.name][0]: new}
        for node in nodes
        if not node.running and len(names[node.name]) == 1 and new not in names[node.name]
        if (state := node.on_disk.sentinel) and (not begun or state.primary in ours)
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
