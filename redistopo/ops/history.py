"""The record's life: begun at the first `up`, kept current, known to the whole machine."""

import secrets
from datetime import UTC, datetime

from redistopo.events import Tell, warn
from redistopo.model.layout import Layout
from redistopo.model.plan import Plan
from redistopo.model.record import Record, RecordedNode
from redistopo.ops.situation import refuse_other_layout
from redistopo.world.record import damaged, load_record, save_record
from redistopo.world.registry import Entry, enter


def begin(plan: Plan, tell: Tell) -> Record:
    """The topology's record: the one on disk, or a new one for a plan not yet formed.

    Raises WrongRequest where the file asks for another layout than the one formed.
    """
    if damaged(plan.layout):
        warn(tell, f"{plan.layout.record} is damaged; it is made anew from what the nodes say")
    record = load_record(plan.layout)
    refuse_other_layout(plan, record, plan.layout.topology)
    if record is None or not record.formed:
        record = Record(
            id=record.id if record else secrets.token_hex(8),
            name=plan.topology.name,
            shape=plan.topology.shape.value,
            created=record.created if record else datetime.now(UTC).isoformat(timespec="seconds"),
            formed=False,
            nodes=tuple(
                RecordedNode(name=node.name, host=node.host, port=node.port) for node in plan.nodes
            ),
        )
        remember(plan.layout, record)
    entry = Entry(
        id=record.id,
        name=plan.topology.name,
        shape=record.shape,
        root=str(plan.layout.root),
        ports=tuple(port for node in plan.nodes for port in node.ports),
    )
    if trouble := enter(entry):
        warn(tell, f"`redistopo ps` elsewhere won't show this topology: {trouble}")
    return record


def remember(layout: Layout, record: Record) -> None:
    """The record is on disk, if it says anything new."""
    if load_record(layout) != record:
        save_record(layout, record)
