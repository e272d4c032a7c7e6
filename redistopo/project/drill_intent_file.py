"""The record of a running drill: one file in the state folder."""

import json
import re
from dataclasses import asdict

from redistopo.host.files import certainly_missing, read_json, remove, write_private
from redistopo.model.state.drill_fault import Fault
from redistopo.model.state.drill_intent import DrillIntent, Victim
from redistopo.model.topology.project_paths import Layout

_NODE = re.compile(r"node[0-9]{1,4}", re.ASCII)


def save_intent(layout: Layout, intent: DrillIntent) -> None:
    """Write the intent to disk, atomically."""
    write_private(layout.drill, json.dumps(asdict(intent)) + "\n")


def load_intent(layout: Layout) -> DrillIntent | None:
    """Read the intent of an interrupted drill, if there is one.

    A damaged file still means that there was one: then every node may be affected, by any fault.
    """
    values = read_json(layout.drill)
    if values is None and certainly_missing(layout.drill):
        return None
    try:
        values = values or {}
        hurt = tuple(Victim(**one) for one in values["hurt"])
        added = tuple(map(_node, values.get("added", ())))
        made = {"fault": Fault(values["fault"]), "hurt": hurt, "added": added}
        return DrillIntent(**{**values, **made})
    except (ValueError, KeyError, TypeError):
        return DrillIntent(load="", began="", fault=Fault.PARTITION, hurt=())


def _node(text: str) -> str:
    """Return a node's name; its folder is removed, so that it must be one."""
    if not _NODE.fullmatch(text):
        raise ValueError(f"no node: {text}")
    return text


def forget_intent(layout: Layout) -> None:
    """Remove the record of the drill."""
    remove(layout.drill, missing_ok=True)
