"""A short lock in Redis: what a stampede across processes must not do to the database.

Single-flight ends at the process. Four processes that miss one key would load it four times, so
the first writes a *claim* into the key itself, and the others wait until a value stands there.
Value and claim share one key on purpose:

- they are always in the same slot of a cluster, whatever the key looks like;
- one DEL, an invalidation, removes both. The loader that had claimed the key finds its claim
  gone and doesn't write what it read: **an old row is never written over an invalidation**;
- the one who comes late gets the value in the same step in which it would have claimed the key.

A claim has a short life of its own. A loader that died costs that time once, and no more.
Each step is one Lua script, for nobody may come between its GET and its SET.
"""

import secrets
from typing import Any

from redis.exceptions import ResponseError

MARK = b"loading:"
"""Begins each claim; no JSON text begins so."""

NO_STRING = b"no string"
"""Stands for a value of another type: it is garbage as well, to be written over."""

_TAKE = """
local held = redis.pcall('GET', KEYS[1])
if not held or type(held) == 'table' or held == ARGV[3] then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return ARGV[1]
end
return held
"""
# redis.pcall answers with a table where the key holds something that is no string

_PUBLISH = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""

_DROP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""

_LEFT = """
local held = redis.pcall('GET', KEYS[1])
if not held or type(held) == 'table' or string.sub(held, 1, #ARGV[1]) == ARGV[1] then return -2 end
return redis.call('PTTL', KEYS[1])
"""


def look(reader: Any, key: bytes) -> bytes | None:
    """What stands in the key; one GET."""
    try:
        held: bytes | None = reader.get(key)
    except ResponseError as error:
        if not str(error).startswith("WRONGTYPE"):
            raise
        return NO_STRING
    return held


def new() -> bytes:
    """A claim that nobody else makes."""
    return MARK + secrets.token_hex(16).encode()


def take(client: Any, key: bytes, claim: bytes, milliseconds: int, garbage: bytes = b"") -> bytes:
    """What stands in the key now: this claim, another one's, or a value that came meanwhile.

    Where the key was empty, held `garbage` or was no string at all, it is this claim. Another
    one's claim is never garbage, though a reader may have seen it.
    """
    if garbage.startswith(MARK):
        garbage = b""
    return bytes(client.eval(_TAKE, 1, key, claim, milliseconds, garbage))


def publish(client: Any, key: bytes, claim: bytes, value: bytes, milliseconds: int) -> bool:
    """The value stands in the key for so long, if the claim still stood there; else False."""
    return bool(client.eval(_PUBLISH, 1, key, claim, value, milliseconds))


def drop(client: Any, key: bytes, claim: bytes) -> None:
    """The claim is gone; another one's is left alone."""
    client.eval(_DROP, 1, key, claim)


def left(client: Any, key: bytes) -> float | None:
    """Seconds until the value in the key expires; None where no value stands there."""
    milliseconds = int(client.eval(_LEFT, 1, key, MARK))
    return milliseconds / 1000 if milliseconds >= 0 else None
