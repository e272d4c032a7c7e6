"""Digest of all keys and values of a server, computed from its replies.

DEBUG DIGEST is disabled by default, and DUMP differs between servers with equal data. This digest
is a sum over keys, so that it doesn't depend on the division into shards.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b

from redistopo.client.connection import BinaryCommand, Reply
from redistopo.client.reply_limits import Limits
from redistopo.client.server_connection import Connection
from redistopo.errors import BadReply
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.resp import ErrorReply

BATCH = 500
"""Keys per round trip; also how many values are in memory at a time."""

_MOST_BYTES = 1 << 31

Counts = tuple[int, int, int]
"""Keys, keys that expire, and the sum over all others, modulo 2**128."""


def bulk_connection(endpoint: Endpoint, login: Login, seconds: float) -> Connection:
    """Connect for reading and writing values of any bytes, up to 2 GiB."""
    limits = Limits(answer=seconds, most_bytes=_MOST_BYTES, binary=True)
    made = Connection(endpoint, login, limits=limits)
    made.connect()
    return made


def replies(connection: Connection, commands: Sequence[BinaryCommand]) -> list[Reply]:
    """Send commands together and return their replies."""
    connection.send(commands)
    return [connection.read() for _ in commands]


def scan(connection: Connection, count: int = BATCH) -> Iterator[list[bytes]]:
    """Yield the keys of the selected database in batches; a key may come twice."""
    cursor: object = b"0"
    while True:
        found = connection.ask("SCAN", _word(cursor), "COUNT", count)
        if not isinstance(found, list) or len(found) != 2 or not isinstance(found[1], list):
            raise BadReply("SCAN failed", detail=str(found)[:200])
        cursor, keys = found
        if keys:
            yield keys
        if cursor == b"0":
            return


def _word(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def digest_of(connection: Connection, database: int = 0) -> Counts:
    """Compute the digest of a database of a server that isn't written to in the meantime."""
    seen: set[bytes] = set()
    keys, expiring, total = 0, 0, 0
    for batch in scan(connection):
        fresh = [key for key in dict.fromkeys(batch) if key not in seen]
        seen.update(fresh)  # SCAN returns a key twice if its table is resized in between
        for gone, number in _hashes(connection, fresh, database):
            keys, expiring = keys + 1, expiring + gone
            total += 0 if gone else number
    return keys, expiring, total % (1 << 128)


def _hashes(
    connection: Connection, keys: Sequence[bytes], database: int
) -> Iterator[tuple[bool, int]]:
    """For each key that exists: whether it expires, and its hash."""
    facts = replies(connection, [one for key in keys for one in (("TYPE", key), ("PTTL", key))])
    wanted = []
    for key, kind, left in zip(keys, facts[::2], facts[1::2], strict=True):
        if left == -2 or kind == "none":
            continue
        if left != -1:
            yield True, 0
            continue
        wanted.append((key, str(kind)))
    values = replies(connection, [_read(kind, key) for key, kind in wanted])
    for (key, kind), value in zip(wanted, values, strict=True):
        if isinstance(value, ErrorReply):
            raise BadReply(f"can't read the {kind} {key[:60]!r}", detail=str(value)[:200])
        yield False, _hash(database, key, kind, value)


def _read(kind: str, key: bytes) -> BinaryCommand:
    """The command that returns a whole value."""
    commands: dict[str, BinaryCommand] = {
        "string": ("GET", key),
        "list": ("LRANGE", key, 0, -1),
        "set": ("SMEMBERS", key),
        "zset": ("ZRANGE", key, 0, -1, "WITHSCORES"),
        "hash": ("HGETALL", key),
        "stream": ("XRANGE", key, "-", "+"),
    }
    return commands.get(kind, ("DUMP", key))


def _hash(database: int, key: bytes, kind: str, value: Reply) -> int:
    made = blake2b(digest_size=16)
    for part in (b"%d" % database, key, kind.encode(), *_parts(kind, value)):
        made.update(b"%d:" % len(part))
        made.update(part)
    return int.from_bytes(made.digest())


def _parts(kind: str, value: Reply) -> Iterable[bytes]:
    """The value as bytes in an order of its own, whatever order the server keeps."""
    order: dict[str, Callable[[list[Reply]], Iterable[bytes]]] = {
        "set": lambda found: sorted(map(_word, found)),
        "hash": lambda found: _pairs(found, _word),
        # older servers print 0.1 with 17 digits
        "zset": lambda found: _pairs(found, lambda score: struct.pack(">d", float(_word(score)))),
        "list": lambda found: map(_word, found),
        "stream": _entries,
    }
    if isinstance(value, list) and kind in order:
        return order[kind](value)
    # of a module's type: the payload without its version and checksum
    raw = _word(value)
    return (raw if kind == "string" else raw[:-10],)


def _pairs(found: list[Reply], second: Callable[[Reply], bytes]) -> Iterator[bytes]:
    pairs = zip(found[::2], found[1::2], strict=True)
    for one, two in sorted((_word(name), second(value)) for name, value in pairs):
        yield one
        yield two


def _entries(found: list[Reply]) -> Iterator[bytes]:
    for entry in found:
        if isinstance(entry, list) and len(entry) == 2:
            yield _word(entry[0])
            yield from map(_word, entry[1] if isinstance(entry[1], list) else ())
