"""The value of a key: a row as JSON text, or `null` for a row that does not exist."""

import json
import random
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal

Row = Mapping[str, Any]
"""What json.dumps takes and json.loads returns."""


_raw_decode = json.JSONDecoder().raw_decode
"""Half the time of json.loads, which first looks for an encoding and for white space."""


class _Missing(Enum):
    MISSING = "not a cached row"


MISSING = _Missing.MISSING
"""Not None: None is a cached value."""

NO_SUCH_ROW = b"null"
"""Cached as well (negative caching): otherwise each request for a row that does not exist reaches
the database, and any client can ask for such rows."""


def encode(row: Row | None) -> bytes:
    """Return a row as JSON; raise TypeError if JSON can't hold it: convert dates in `load`."""
    return NO_SUCH_ROW if row is None else json.dumps(dict(row), separators=(",", ":")).encode()


def decode(raw: bytes | None) -> Row | Literal[_Missing.MISSING] | None:
    """Return the row or None; MISSING for an empty key, a fill lock or any other value.

    An invalid value is a miss and gets overwritten: as an error it would last until it expires.
    """
    if raw is None:
        return MISSING
    try:
        text = raw.decode()
        row, end = _raw_decode(text)
    except (ValueError, RecursionError):
        return MISSING
    return row if end == len(text) and (row is None or type(row) is dict) else MISSING


def jittered(seconds: float, jitter: float) -> float:
    """Shorten a TTL by a random part of it, `jitter` at most.

    Rows that were cached in the same second (after a start, after `clear`) would otherwise
    expire in the same second, too, and all reach the database at once.
    """
    return seconds * random.uniform(1 - jitter, 1)  # noqa: S311  not used for security
