"""Keeping a drill's intent: one file in the state folder while a drill lasts."""

import json
from dataclasses import asdict

from redistopo.host.files import read_text, write_errors, write_private
from redistopo.model.state.drill_fault import Fault
from redistopo.model.state.drill_intent import DrillIntent, Victim
from redistopo.model.topology.project_paths import Layout


def save_intent(layout: Layout, intent: DrillIntent) -> None:
    """The intent is on disk, whole."""
    write_private(layout.drill, json.dumps(asdict(intent)) + "\n")


def load_intent(layout: Layout) -> DrillIntent | None:
    """The drill that was cut off; None for none.

    A damaged file still says that there was one: then every node may be hurt, in any way.
    """
    text = read_text(layout.drill)
    if text is None:
        return None
    try:
        said = json.loads(text)
        hurt = tuple(Victim(**one) for one in said["hurt"])
        return DrillIntent(**{**said, "fault": Fault(said["fault"]), "hurt": hurt})
    except (ValueError, KeyError, TypeError):
        return DrillIntent(load="", began="", fault=Fault.PARTITION, hurt=())


def forget_intent(layout: Layout) -> None:
    """No drill is on record."""
    with write_errors(layout.drill):
        layout.drill.unlink(missing_ok=True)
