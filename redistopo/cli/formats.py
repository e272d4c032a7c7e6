"""Output formats for programs; a new one is one more entry here."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How a format writes a whole document, and one record of a stream."""

    document: Callable[[object], str]
    record: Callable[[object], str]


TEXT = "text"

FORMATS: Mapping[str, Format] = {
    "json": Format(
        document=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        record=lambda value: json.dumps(value, ensure_ascii=False),
    ),
}
"""Name -> format; text for people is the absence of one."""
