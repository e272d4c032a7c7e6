"""What stands in a key: a row as JSON text, or `null` for "there is no such row"."""

import json
import random
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal

Row = Mapping[str, Any]
"""What json.dumps takes and json.loads gives back."""


_read = json.JSONDecoder().raw_decode
"""Half the time of json.loads, which first looks for an encoding and for white space."""


class _Missing(Enum):
    MISSING = "no value of ours"


MISSING = _Missing.MISSING
"""Not None: that is a value."""

NO_SUCH_ROW = b"null"
"""Cached as well (negative caching): else each request for a row that doesn't exist would reach
the database, and anybody can ask for rows that don't exist."""


def encode(row: Row | None) -> bytes:
    """TypeError where JSON can't hold it: convert dates and the like in `load`."""
    return NO_SUCH_ROW if row is None else json.dumps(dict(row), separators=(",", ":")).encode()


def decode(raw: bytes | None) -> Row | Literal[_Missing.MISSING] | None:
    """The row, or None; MISSING for an empty key, for a claim, and for what is no JSON of ours.

    Garbage is missing, so that it is written over: an error would last until it expires.
    """
    if raw is None:
        return MISSING
    try:
        text = raw.decode()
        row, end = _read(text)
    except (ValueError, RecursionError):
        return MISSING
    return row if end == len(text) and (row is None or type(row) is dict) else MISSING


def jittered(seconds: float, jitter: float) -> float:
    """A little less, by chance, and never more.

    Rows that were cached in the same second (after a start, after `clear`) would otherwise
    expire in the same second, too, and all reach the database at once.
    """
    return seconds * random.uniform(1 - jitter, 1)  # noqa: S311  no secret
