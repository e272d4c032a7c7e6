"""Converts a Result to plain JSON values."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path

from redistopo.model.planning.step import USERS_FILE
from redistopo.model.protocol.conf import SECRET_DIRECTIVES
from redistopo.model.protocol.engine import Version
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.remedies.remedy import remedy_fields
from redistopo.model.state.observed import NodeSeen

_HIDDEN = SECRET_DIRECTIVES | {USERS_FILE}
"""Settings whose values are never shown."""

_BRIEF = ("name", "host", "port", "pid")
"""Of an observed node: its identity. Its replies are judged in the findings."""


def _field(value: object, name: str) -> Iterator[tuple[str, object]]:
    """One field; beside a hint also its class, and what it would lose."""
    found = getattr(value, name)
    yield name, to_json(found)
    if name == "hint" and found:
        yield "remedy", remedy_fields(found)


def to_json(value: object) -> object:
    """Dataclasses as objects, enums as their values, paths, versions and ranges as text."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path | Version | SlotRange):
        return str(value)
    if isinstance(value, NodeSeen):
        return {name: getattr(value, name) for name in _BRIEF}
    if is_dataclass(value) and not isinstance(value, type):
        # the code is in the envelope; of a snapshot, the findings are there
        names = [one.name for one in fields(value) if one.name not in ("code", "seen")]
        return {name: item for one in names for name, item in _field(value, one)}
    if isinstance(value, Mapping):
        return {
            str(to_json(key)): "(secret)" if key in _HIDDEN else to_json(item)
            for key, item in value.items()
        }
    if isinstance(value, str):
        return str(value)  # a remedy is its text, also for writers that know only plain strings
    if isinstance(value, tuple | list | set | frozenset):
        return [to_json(item) for item in value]
    return value
