"""Cache-aside: read from the cache first, load from the database on a miss, and fill the cache.

The pattern is three lines long: get; else load and set; delete after a write. What makes it work
under load, and while Redis is unavailable, is in this file and in small files beside it:

- `single_flight.py`: a hundred requests for one missing row load it once;
- `fill_lock.py`: so do requests of many processes; and an old row is never written back;
- `circuit_breaker.py`, `guarded_calls.py`, `slot_refresh.py`: a Redis server that hangs does not
  make every request hang;
- `pending_invalidations.py`: a write while Redis is unavailable does not leave the old row behind;
- `codec.py`, `keys.py`: JSON, a random part of the TTL, missing rows cached, keys with a version;
- `settings.py`, `stats.py`: settings and counters.

It needs redis-py and nothing else, and the files import each other relatively: copy the folder
into a package of your own.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import Any

from . import fill_lock
from .circuit_breaker import Circuit
from .codec import MISSING, NO_SUCH_ROW, Row, decode, encode, jittered
from .guarded_calls import (
    REDIS_ERRORS,
    CacheAway,
    Circuits,
    GuardedCalls,
    circuits_by_shard,
    error_text,
)
from .keys import Keys, to_bytes
from .pending_invalidations import PendingInvalidations
from .settings import Settings
from .single_flight import SingleFlight
from .stats import Stats

_MIN_PAUSE, _MAX_PAUSE = 0.005, 0.1
"""Seconds between two checks whether another process has written the row."""

_BATCH = 500


class Source(StrEnum):
    """DATABASE: the request waited for a load, whether it ran the load or joined it."""

    CACHE = "cache"
    DATABASE = "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The result of a request.

    `data` is None if there is no such row. `degraded` is why the cache could not be used, "" if
    it could. `seconds` is the time the request took.
    """

    data: Row | None
    source: Source
    degraded: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """The result of a load, shared by all requests that joined it: the row as JSON text."""

    text: bytes
    source: Source = Source.DATABASE
    degraded: str = ""
    waited: bool = False
    overtaken: bool = False
    """The fill lock was gone: the row was changed since it was read, or may have been."""


class CacheAside:
    """Rows by id, from Redis if they are cached, else from `load`; thread-safe.

    `load(id)` returns a row or None, and may raise any exception: it reaches every caller that
    waits for this row, unchanged. After each write call `invalidate(id)`, once it is committed.

    `client` is a redis-py client of any kind: Redis, a Sentinel's, RedisCluster. `reader`, if
    given, serves the GETs, from replicas, also while the primary is unavailable: reads and writes
    then have circuits of their own. Replicas lag behind. Both clients must return bytes
    (`decode_responses=False`, the default) and must not hang, which depends on how they are
    created: by default redis-py waits for seconds, or for ever, and retries. So:

        short = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}
        Redis(host, port, retry=Retry(NoBackoff(), 0), **short)
        refreshed_beside(RedisCluster(host, port, retry=..., require_full_coverage=False, **short))

    A Sentinel's own connections need the same (`sentinel_kwargs`). A call that fails takes at most
    the connect timeout plus the socket timeout; in a cluster, 0.25 s more on CLUSTERDOWN; with
    Sentinels, that time once more for each Sentinel.

    `shard_of(key)` names the shard of a key: each has circuits of its own, so that one dead
    primary disables the cache for its own keys only. It must be fast and not raise.
    """

    def __init__(  # noqa: PLR0913  what every caller passes is an argument, the rest a setting
        self,
        client: Any,
        load: Callable[[str], Row | None],
        *,
        reader: Any = None,
        ttl: float = 60.0,
        shard_of: Callable[[str], str] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._client = client
        self._reader = reader or client
        for each in (self._client, self._reader):
            if each.get_encoder().decode_responses:
                raise ValueError("the client must return bytes: decode_responses=False")
        self._load = load
        self._settings = settings = settings or Settings()
        self._keys = Keys(settings.prefix, settings.version)
        circuit = partial(Circuit, settings.failures, settings.retry_seconds)
        self._reads = self._writes = GuardedCalls(shard_of, circuit, "all calls")
        self._paths = [("", self._writes, self._client)]
        if self._reader is not client:
            self._reads = GuardedCalls(shard_of, circuit, "reads")
            self._writes = GuardedCalls(shard_of, circuit, "writes")
            self._paths = [("writes: ", self._writes, client), ("reads: ", self._reads, reader)]
        self._loads: SingleFlight[_Load] = SingleFlight()
        self._pending = PendingInvalidations()
        self.ttl_seconds = ttl
        """The TTL of rows cached from now on; can be changed at any time."""
        self.stats = Stats()

    def key(self, id: str) -> str:
        """Return the row's key, `data:<id>`; see `Keys`."""
        return self._keys.key(id)

    def get(self, id: str) -> Served:
        """Return the row, from the cache if it is there: one GET, and nothing else.

        If Redis does not reply, this takes one failed call and the load; while the circuit is
        open, the load alone. Raises what `load` raises, TypeError or ValueError if JSON can't
        hold the row, and nothing else.
        """
        began = time.perf_counter()
        key = to_bytes(self.key(id))
        try:
            if self._pending and self._run_pending(key):
                raw = None  # deleted just now; a replica may still hold it, and isn't read
            else:
                raw = self._reads.call(key, fill_lock.read, self._reader, key)
        except CacheAway as away:
            return self._served(key, began, partial(self._uncached, id, str(away)))
        row = decode(raw)
        if row is MISSING:
            return self._served(key, began, partial(self._fill, id, key, raw))
        if row is None:
            self.stats.count("hits", "negative")
        else:
            self.stats.count("hits")
        took = time.perf_counter() - began
        return Served(data=row, source=Source.CACHE, degraded="", seconds=took)

    def invalidate(self, id: str) -> bool:
        """Delete a changed row: no request that starts from now on gets the old one.

        Returns False if Redis is unavailable. The deletion is then pending, and runs before this
        process serves that key from the cache again; another process may serve the old row until
        it expires.
        """
        key = to_bytes(self.key(id))
        try:
            self._writes.call(key, self._client.delete, key)
        except CacheAway:
            self._pending.add(key)
            return False
        finally:  # last: a load that started before the deletion may have found the old row
            self._loads.forget(key)
        return True

    def clear(self) -> int:
        """Delete all rows of this prefix and version from the cache; return how many.

        Uses SCAN, not KEYS, which would block all other clients. Raises CacheAway if Redis is
        unavailable; some keys may be gone then.
        """
        removed = 0
        try:
            found = self._client.scan_iter(match=self._keys.pattern, count=_BATCH)
            own = filter(self._keys.owns, found)
            while batch := list(islice(own, _BATCH)):
                removed += int(self._client.unlink(*batch))
        except REDIS_ERRORS as error:
            raise CacheAway(error_text(error)) from error
        finally:
            self._loads.forget_all()
        return removed

    def ttl(self, id: str) -> float | None:
        """Return the seconds until the row expires; None if it isn't cached or Redis is away.

        Asks the primary first, then the replica, which still knows it while no primary replies.
        """
        key = to_bytes(self.key(id))
        for _, calls, client in self._paths:
            with suppress(CacheAway):
                return calls.call(key, fill_lock.seconds_left, client, key)
        return None

    def check(self, id: str) -> None:
        """Check that Redis replies for that row's key, whether it is cached or not.

        Raises CacheAway, with whether reads or writes fail if there is a reader.
        """
        key = to_bytes(self.key(id))
        failures = []
        for prefix, calls, client in self._paths:
            try:
                calls.call(key, fill_lock.seconds_left, client, key)
            except CacheAway as away:
                failures.append(f"{prefix}{away}")
        if failures:
            raise CacheAway("; ".join(failures))

    def circuits(self) -> dict[str, Circuits]:
        """Return the circuits of each shard called so far; "" is the name without `shard_of`."""
        return circuits_by_shard(self._reads, self._writes)

    def _served(self, key: bytes, began: float, run: Callable[[], _Load]) -> Served:
        """Run the load, or join the running one, and return its row."""
        try:
            load, joined = self._loads.join(key, run)
            if joined and load.overtaken:
                # this request may have started after the change; a new load reads it
                load, joined = self._loads.join(key, run)
        except BaseException:  # counted, whatever it is, and passed on
            self.stats.count("errors")
            raise
        row = decode(load.text)  # every caller gets its own copy
        assert row is not MISSING  # noqa: S101  for the type checker: a load has a value
        self._count(row, load, waited=joined or load.waited)
        took = time.perf_counter() - began
        return Served(data=row, source=load.source, degraded=load.degraded, seconds=took)

    def _fill(self, id: str, key: bytes, invalid: bytes | None) -> _Load:
        """Lock the key, load the row and write it; or wait for the process that does so."""
        token = fill_lock.new_token()
        try:
            held, waited = self._lock(key, token, invalid or b"")
        except CacheAway as away:
            return self._uncached(id, str(away))
        if held != token:
            source = Source.DATABASE if waited else Source.CACHE
            return _Load(text=held, source=source, waited=waited)
        try:
            text = self._loaded(id)
        except BaseException:  # whatever it is, the next need not wait for the lock to expire
            with suppress(CacheAway):
                self._writes.call(key, fill_lock.release, self._client, key, token)
            raise
        try:
            args = (self._client, key, token, text, self._ttl_of(text))
            written = self._writes.call(key, fill_lock.publish, *args)
        except CacheAway as away:
            return _Load(text=text, degraded=str(away))
        return _Load(text=text, overtaken=not written)

    def _lock(self, key: bytes, token: bytes, invalid: bytes) -> tuple[bytes, bool]:
        """Return what the key holds, `token` or a value, and whether that took waiting.

        The lock expires, so that a loader that died delays others no longer than that. After
        waiting for two such periods a request goes on without the cache: CacheAway.
        """
        life = _milliseconds(self._settings.claim_seconds)
        deadline = time.monotonic() + 2 * self._settings.claim_seconds
        pause, waited = _MIN_PAUSE, False
        while True:
            acquire = partial(fill_lock.acquire, self._client, key, token, life)
            held = self._writes.call(key, acquire, invalid)
            if held == token:
                return held, waited
            if not held.startswith(fill_lock.PREFIX):
                if decode(held) is not MISSING:
                    return held, waited
                invalid = held  # not what the reader saw, but to be overwritten all the same
                continue
            if time.monotonic() > deadline:
                raise CacheAway("other requests locked this row repeatedly, and none wrote it")
            waited = True
            time.sleep(pause)
            pause = min(pause * 1.5, _MAX_PAUSE)

    def _uncached(self, id: str, reason: str) -> _Load:
        """Load the row without the cache; requests still share the load."""
        return _Load(text=self._loaded(id), degraded=reason)

    def _loaded(self, id: str) -> bytes:
        self.stats.count("loads")
        return encode(self._load(id))

    def _ttl_of(self, text: bytes) -> int:
        """Return the milliseconds to keep this value."""
        seconds = self.ttl_seconds
        if text == NO_SUCH_ROW:
            seconds = min(seconds, self._settings.negative_ttl)
        return _milliseconds(jittered(seconds, self._settings.jitter))

    def _run_pending(self, key: bytes) -> bool:
        """Run the pending deletion of this key, and one other for the sake of other processes.

        Returns whether this key had one. The other runs whenever reads work, whatever the circuit
        for writes says: hits alone would never close that one.
        """
        deleted = self._delete_pending(key)
        other = self._pending.next()
        if other is not None and self._reads.is_closed(other):
            with suppress(CacheAway):
                self._delete_pending(other)
        return deleted

    def _delete_pending(self, key: bytes) -> bool:
        ticket = self._pending.ticket(key)
        if ticket is None:
            return False
        self._writes.call(key, self._client.delete, key)
        self._pending.done(key, ticket)
        return True

    def _count(self, row: Row | None, load: _Load, *, waited: bool) -> None:
        outcome = "hits" if load.source is Source.CACHE else "misses"
        names = ["degraded" if load.degraded else outcome]
        if waited:
            names.append("waited")
        if row is None:
            names.append("negative")
        self.stats.count(*names)


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
