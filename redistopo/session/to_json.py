"""Converts a Result to plain JSON values."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from redistopo.model.planning.step import USERS_FILE
from redistopo.model.protocol.conf import SECRET_DIRECTIVES
from redistopo.model.protocol.engine import Version
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.remedies.remedy import remedy_fields
from redistopo.model.state.observed import NodeSeen

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_HIDDEN = SECRET_DIRECTIVES | {USERS_FILE}
"""Settings whose values are never shown."""

CONCEALED = "(secret)"
"""Is shown instead of their values."""

AS_TEXT = (Path, Version, SlotRange)
"""Types whose values are shown as text."""

BRIEF = ("name", "host", "port", "pid")
"""Of an observed node: its identity. Its replies are judged in the findings."""


def shown_fields(kind: "type[DataclassInstance]") -> tuple[str, ...]:
    """Return the fields of a dataclass that are shown: the code is in the envelope; of a snapshot,
    the findings are there."""
    return tuple(one.name for one in fields(kind) if one.name not in ("code", "seen"))


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
    if isinstance(value, AS_TEXT):
        return str(value)
    if isinstance(value, NodeSeen):
        return {name: getattr(value, name) for name in BRIEF}
    if is_dataclass(value) and not isinstance(value, type):
        names = shown_fields(type(value))
        return {name: item for one in names for name, item in _field(value, one)}
    if isinstance(value, Mapping):
        return {
            str(to_json(key)): CONCEALED if key in _HIDDEN else to_json(item)
            for key, item in value.items()
        }
    if isinstance(value, str):
        return str(value)  # a remedy is its text, also for writers that know only plain strings
    if isinstance(value, tuple | list | set | frozenset):
        return [to_json(item) for item in value]
    return value
