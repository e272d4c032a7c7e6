"""Replies as readable lines: nested values indented, control characters escaped."""

import math
import re
from collections.abc import Mapping, Sequence, Set

_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_WITH_HASHES = frozenset({"list", "getuser"})


def readable(reply: object) -> tuple[str, ...]:
    """Format a reply as one or more lines; empty and nil values are named."""
    if isinstance(reply, Mapping):
        pairs = [(f"{escaped_line(name)}:", value) for name, value in reply.items()]
        return tuple(_items(pairs)) or ("(empty)",)
    if isinstance(reply, Sequence) and not isinstance(reply, str):
        width = len(str(len(reply)))
        items = [(f"{number:>{width}})", item) for number, item in enumerate(reply, start=1)]
        return tuple(_items(items)) or ("(empty)",)
    if isinstance(reply, str):
        text = reply.rstrip("\r\n")
        return tuple(escaped_line(line.rstrip("\r")) for line in text.split("\n"))
    return ("(nil)",) if reply is None else (escaped_line(reply),)


def _items(pairs: list[tuple[str, object]]) -> list[str]:
    """Each item after its label; further lines are aligned below the first."""
    found = []
    for label, item in pairs:
        first, *rest = readable(item)
        if isinstance(item, Mapping) and rest:
            found += [label, *(f"  {line}" for line in (first, *rest))]
        else:
            blank = " " * len(label)
            found += [f"{label} {first}".rstrip(), *(f"{blank} {line}" for line in rest)]
    return found


def escaped_line(value: object) -> str:
    """Escape what isn't printable: data may contain anything."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one == "\t" else one.encode("unicode_escape").decode()
        for one in text
    )


def reply_as_json(words: Sequence[str], reply: object) -> object:
    """Convert a reply to JSON values (infinite numbers to text), without the password hashes
    of ACL LIST and ACL GETUSER."""
    command = [word.lower() for word in words[:2]]
    hashes = command[:1] == ["acl"] and not _WITH_HASHES.isdisjoint(command[1:])
    return _as_json(reply, hashes=hashes)


def _as_json(reply: object, *, hashes: bool) -> object:
    if isinstance(reply, str):
        return _HASH.sub("<removed>", reply) if hashes else reply
    if isinstance(reply, Mapping):
        return {name: _as_json(value, hashes=hashes) for name, value in reply.items()}
    if isinstance(reply, Sequence | Set):
        return [_as_json(value, hashes=hashes) for value in reply]
    return str(reply) if isinstance(reply, float) and not math.isfinite(reply) else reply
