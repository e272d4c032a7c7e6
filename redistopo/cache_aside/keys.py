"""Key names: two different rows, or two versions of one row, never share a key."""

import re

_VERSION = re.compile(r"v[0-9]+:")


class Keys:
    """Names keys `data:<id>`, and from version 2 on `data:v2:<id>`.

    Raise the version whenever the shape of the rows changes: the new program never reads what the
    old one wrote, and both can run side by side. Because `v2:x` is a valid id as well, which in
    version 1 would get the key of version 2's `x`, its key in version 1 is `data:v1:v2:x`.
    """

    def __init__(self, prefix: str, version: int) -> None:
        self._first = version == 1
        self._start = f"{prefix}:" if self._first else f"{prefix}:v{version}:"

    def key(self, id: str) -> str:
        """Return the key of the row `id`."""
        if self._first and _VERSION.match(id):
            return f"{self._start}v1:{id}"
        return self._start + id

    def owns(self, key: bytes) -> bool:
        """Return whether it is the key of a row of this version."""
        if not key.startswith(to_bytes(self._start)):
            return False
        version = _VERSION.match(to_text(key), len(self._start)) if self._first else None
        return version is None or version[0] == "v1:"

    @property
    def pattern(self) -> bytes:
        """Return a SCAN pattern with the prefix taken literally; version 1 matches all versions."""
        return to_bytes(re.sub(r"([*?\[\]\\])", r"\\\1", self._start) + "*")


def to_bytes(key: str) -> bytes:
    """Encode as UTF-8, with lone surrogates kept: every Python string is a valid id."""
    return key.encode("utf-8", "surrogatepass")


def to_text(key: bytes) -> str:
    """Decode a key; another program's key may not be UTF-8."""
    try:
        return key.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return key.decode("latin-1")
