"""Output formats for programs; add a format by an entry in `FORMATS`."""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Format(NamedTuple):
    """How a format writes a whole document, and one record of a stream."""

    document: Callable[[object], str]
    record: Callable[[object], str]


TEXT = "text"


def _json(value: object, indent: int | None = None) -> str:
    import json  # not to list the verbs

    from redistopo.cli.printable import printable_json

    return printable_json(json.dumps(value, indent=indent, ensure_ascii=False))


FORMATS: Mapping[str, Format] = {
    "json": Format(
        document=lambda value: _json(value, indent=2),
        record=_json,
    ),
}
"""Name -> format; text is not listed: it is the default."""
