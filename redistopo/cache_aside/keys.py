"""Names of keys: two different rows, or two versions of one, must never share a key."""

import re

_VERSION = re.compile(r"v[0-9]+:")


class Keys:
    """`data:<id>`, and from version 2 on `data:v2:<id>`.

    The version is one more whenever the shape of the rows changes: the new program never reads
    what the old one wrote, and both may run side by side. So `v2:x` is a legal id, too: as
    version 1 would give it the key of version 2's `x`, it becomes `data:v1:v2:x`.
    """

    def __init__(self, prefix: str, version: int) -> None:
        self._first = version == 1
        self._start = f"{prefix}:" if self._first else f"{prefix}:v{version}:"

    def key(self, id: str) -> str:
        if self._first and _VERSION.match(id):
            return f"{self._start}v1:{id}"
        return self._start + id

    def owns(self, key: bytes) -> bool:
        """Whether it is the key of a row of this version."""
        if not key.startswith(encoded(self._start)):
            return False
        version = _VERSION.match(text(key), len(self._start)) if self._first else None
        return version is None or version[0] == "v1:"

    @property
    def pattern(self) -> bytes:
        """For SCAN, with the prefix taken literally; of version 1, it finds all versions."""
        return encoded(re.sub(r"([*?\[\]\\])", r"\\\1", self._start) + "*")


def encoded(key: str) -> bytes:
    """UTF-8, and lone surrogates as they are: no id that Python can hold is refused."""
    return key.encode("utf-8", "surrogatepass")


def text(key: bytes) -> str:
    """The other way round; what others wrote may be no UTF-8 at all."""
    try:
        return key.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return key.decode("latin-1")
