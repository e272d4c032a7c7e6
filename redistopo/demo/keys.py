"""Names of keys: two different rows, or two versions of one, must never share a key."""

import re
from dataclasses import dataclass

_VERSION = re.compile(r"v[0-9]+:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """`data:<id>`, and from version 2 on `data:v2:<id>`.

    The version is one more whenever the shape of the rows changes: the new program never reads
    what the old one wrote, and both may run side by side. So `v2:x` is a legal id, too: as
    version 1 would give it the key of version 2's `x`, it becomes `data:v1:v2:x`.
    """

    prefix: str
    version: int

    @property
    def start(self) -> str:
        """What all keys of this version begin with; of version 1 other versions' keys as well."""
        return f"{self.prefix}:" if self.version == 1 else f"{self.prefix}:v{self.version}:"

    def key(self, id: str) -> str:
        if self.version == 1 and _VERSION.match(id):
            return f"{self.start}v1:{id}"
        return self.start + id

    def owns(self, key: bytes) -> bool:
        """Whether it is the key of a row of this version."""
        if not key.startswith(encoded(self.start)):
            return False
        version = _VERSION.match(text(key), len(self.start))
        return self.version > 1 or version is None or version[0] == "v1:"

    @property
    def pattern(self) -> bytes:
        """For SCAN, with the prefix taken literally."""
        return encoded(re.sub(r"([*?\[\]\\])", r"\\\1", self.start) + "*")


def encoded(key: str) -> bytes:
    """UTF-8, and lone surrogates as they are: no id that Python can hold is refused."""
    return key.encode("utf-8", "surrogatepass")


def text(key: bytes) -> str:
    """The other way round; what others wrote may be no UTF-8 at all."""
    try:
        return key.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return key.decode("latin-1")
