"""What the first and the last bytes of a snapshot (RDB file) show, without loading it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from redistopo.quick_dataclass import dataclass

HEAD = 4096
"""Bytes to read from the start: more than a server writes before the first key."""

TAIL = 9
"""Bytes to read from the end: the opcode EOF and the checksum (rdb.c, rdbSaveRio)."""

_MAGIC = re.compile(rb"(?:REDIS|VALKEY)(\d{3,4})")

_AUX, _RESIZE, _SELECT, _END, _FUNCTION = 0xFA, 0xFB, 0xFE, 0xFF, 0xF5


@dataclass(frozen=True, slots=True, kw_only=True)
class RdbFacts:
    """`keys` of the first database, None if the file doesn't tell; `empty` is a snapshot without
    a key; `offset` is the replication offset at which it was saved, None if unknown; `saved_at` is
    when that was by the server's clock, in seconds since the epoch, 0 if unknown: a copy of the
    file keeps it. `version` is its RDB version, 0 if unknown, and `written_by` the engine that
    saved it, as ``redis 7.0.15``, or ""."""

    keys: int | None = None
    empty: bool = False
    replication_id: str = ""
    offset: int | None = None
    saved_at: int = 0
    version: int = 0
    written_by: str = ""


def is_rdb(head: bytes) -> bool:
    """Return whether these are the first bytes of a snapshot; Valkey 9 has its own magic."""
    return head.startswith((b"REDIS0", b"VALKEY0"))


def ends_whole(tail: bytes) -> bool:
    """Return whether a snapshot with these last bytes was written to its end."""
    return len(tail) >= TAIL and tail[-TAIL] == _END


def rdb_facts(head: bytes) -> RdbFacts:
    """Read the facts that precede the first key (rdb.h: opcodes; rdb.c: rdbSaveInfoAuxFields)."""
    found: dict[str, str] = {}
    keys: int | None = None
    empty = False
    for code, values in _parts(head):
        if code == _AUX:
            found[str(values[0])] = str(values[1])
        elif code == _RESIZE:
            keys = int(values[0])
        elif code != _SELECT:
            empty = code == _END
            break
    offset, saved_at = found.get("repl-offset", ""), found.get("ctime", "")
    magic = _MAGIC.match(head)
    return RdbFacts(
        keys=0 if empty else keys,
        empty=empty or not head,
        replication_id=found.get("repl-id", ""),
        offset=int(offset) if offset.isdecimal() else None,
        saved_at=int(saved_at) if saved_at.isdecimal() else 0,
        version=int(magic[1]) if magic else 0,
        written_by=_writer(found),
    )


def first_counts(head: bytes) -> tuple[int, int] | None:
    """Return the keys of the first database in a snapshot, and how many of them expire; None if
    its first bytes don't tell."""
    for code, values in _parts(head):
        if code == _RESIZE:
            return int(values[0]), int(values[1])
        if code == _END:
            return 0, 0
    return None


def _parts(head: bytes) -> Iterator[tuple[int, tuple[str | int, ...]]]:
    """What precedes the first key: each opcode with its values, up to the sizes of a database, or
    one that isn't known here, or where the bytes end."""
    at = len("REDIS0011")
    first: str | int
    second: str | int
    with suppress(IndexError):
        while True:
            code = head[at]
            if code in (_AUX, _FUNCTION):
                first, at = _string(head, at + 1)
                second, at = _string(head, at) if code == _AUX else ("", at)
            elif code == _SELECT:
                (first, at), second = _length(head, at + 1), 0
            elif code == _RESIZE:
                first, at = _length(head, at + 1)
                second, at = _length(head, at)
                yield code, (first, second)
                return
            else:
                yield code, ()
                return
            yield code, (first, second)


def _writer(facts: Mapping[str, str]) -> str:
    """Valkey names itself in a field of its own (rdb.c, rdbSaveInfoAuxFields)."""
    for product in ("valkey", "redis"):
        if version := facts.get(f"{product}-ver"):
            return f"{product} {version}"
    return ""


def _length(head: bytes, at: int) -> tuple[int, int]:
    """A length, and where what follows it begins (rdb.c, rdbLoadLenByRef)."""
    kind, low = head[at] >> 6, head[at] & 63
    if kind == 0:
        return low, at + 1
    if kind == 1:
        return low << 8 | head[at + 1], at + 2
    if kind == 2 and low <= 1:
        size = 4 << low
        return int.from_bytes(head[at + 1 : at + 1 + size]), at + 1 + size
    raise IndexError("no plain length")


def _string(head: bytes, at: int) -> tuple[str, int]:
    """A string, and where what follows it begins; integers are stored as such (rdb.h,
    RDB_ENC_INT8 to RDB_ENC_INT32)."""
    if head[at] >> 6 == 3 and head[at] & 63 < 3:
        size = 1 << (head[at] & 63)
        value = int.from_bytes(head[at + 1 : at + 1 + size], "little", signed=True)
        return str(value), at + 1 + size
    size, start = _length(head, at)
    if start + size > len(head):
        raise IndexError("cut")
    return head[start : start + size].decode("latin-1"), start + size
