"""The fill lock: a short-lived lock in the key itself, so that one process loads a missing row.

Single-flight works within one process. Four processes that miss one key would load it four times,
so the first writes a lock token into the key itself, and the others wait until it holds a value.
Value and lock share one key on purpose:

- they are always in the same slot of a cluster, whatever the form of the key;
- one DEL, an invalidation, removes both. The loader that held the lock finds its token gone and
  does not write what it read: **an old row never overwrites an invalidation**;
- a process that comes second gets the value from the same script that would have taken the lock.

The lock expires. A loader that died delays the others once, for that time. Each operation is one
Lua script, because no other client may act between its GET and its SET.
"""

import secrets
from typing import Any

from redis.exceptions import ResponseError

PREFIX = b"loading:"
"""Starts every lock token; no JSON text starts like this."""

NOT_A_STRING = b"not a string"
"""Stands for a value of another type: it is invalid as well, and gets overwritten."""

_ACQUIRE = """
local held = redis.pcall('GET', KEYS[1])
if not held or type(held) == 'table' or held == ARGV[3] then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return ARGV[1]
end
return held
"""
# redis.pcall returns a table where the key holds another type than a string

_PUBLISH = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""

_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""

_VALUE_TTL = """
local held = redis.pcall('GET', KEYS[1])
if not held or type(held) == 'table' or string.sub(held, 1, #ARGV[1]) == ARGV[1] then return -2 end
return redis.call('PTTL', KEYS[1])
"""


def read(reader: Any, key: bytes) -> bytes | None:
    """Return what the key holds, by one GET."""
    try:
        held: bytes | None = reader.get(key)
    except ResponseError as error:
        if not str(error).startswith("WRONGTYPE"):
            raise
        return NOT_A_STRING
    return held


def new_token() -> bytes:
    """Return a unique lock token."""
    return PREFIX + secrets.token_hex(16).encode()


def acquire(
    client: Any, key: bytes, token: bytes, milliseconds: int, invalid: bytes = b""
) -> bytes:
    """Take the lock if the key is empty, and return what the key holds now.

    The result is `token` if the key was empty, held `invalid`, or held no string; otherwise it is
    another process's token or a value. Another process's token is never treated as invalid, even
    if a reader has seen it.
    """
    if invalid.startswith(PREFIX):
        invalid = b""
    return bytes(client.eval(_ACQUIRE, 1, key, token, milliseconds, invalid))


def publish(client: Any, key: bytes, token: bytes, value: bytes, milliseconds: int) -> bool:
    """Replace the lock by the value; return False and write nothing if the token is gone."""
    return bool(client.eval(_PUBLISH, 1, key, token, value, milliseconds))


def release(client: Any, key: bytes, token: bytes) -> None:
    """Delete the lock if it still holds this token."""
    client.eval(_RELEASE, 1, key, token)


def seconds_left(client: Any, key: bytes) -> float | None:
    """Return the seconds until the value expires, or None if the key holds no value."""
    milliseconds = int(client.eval(_VALUE_TTL, 1, key, PREFIX))
    return milliseconds / 1000 if milliseconds >= 0 else None
