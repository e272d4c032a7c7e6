"""Output formats for programs; a new one is one more entry here."""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Format(NamedTuple):
    """How a format writes a whole document, and one record of a stream."""

    document: Callable[[object], str]
    record: Callable[[object], str]


TEXT = "text"


def _json(value: object, indent: int | None = None) -> str:
    import json  # not to list the verbs

    return json.dumps(value, indent=indent, ensure_ascii=False)


FORMATS: Mapping[str, Format] = {
    "json": Format(
        document=lambda value: _json(value, indent=2),
        record=_json,
    ),
}
"""Name -> format; text for people is the absence of one."""
