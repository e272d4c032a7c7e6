"""Cache-aside: a cache beside the database, asked first, filled by whoever missed.

The pattern is three lines long: get; else load and set; delete after a write. What makes it
hold under load, and while Redis is away, is in this file and in small ones beside it:

- `flight.py`: a hundred requests for one missing row load it once (single-flight);
- `claim.py`: so do requests in many processes; and an old row is never written back;
- `circuit.py`, `calls.py`, `refresh.py`: a Redis that hangs doesn't make every request hang;
- `owed.py`: a write while Redis is away doesn't leave the old row behind;
- `value.py`, `keys.py`: JSON, chance in the TTL, missing rows cached, keys with a version.

All of it needs redis-py and nothing else, and the files find each other by relative imports: copy
them, with `stats.py`, into a package of your own.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import Any

from redistopo.cache_aside import fill_lock as claim
from redistopo.cache_aside.calls import TROUBLE, CacheAway, Calls, Circuits, circuits_of, words_of
from redistopo.cache_aside.circuit_breaker import Circuit
from redistopo.cache_aside.codec import MISSING, NO_SUCH_ROW, Row, decode, encode, jittered
from redistopo.cache_aside.keys import Keys, encoded
from redistopo.cache_aside.pending_invalidations import PendingInvalidations
from redistopo.cache_aside.single_flight import SingleFlight
from redistopo.cache_aside.stats import Stats

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.005, 0.1
"""Seconds between two looks whether another process has written the row."""

_BATCH = 500


class Source(StrEnum):
    """Database: this request waited for the database, whether it or another one asked there."""

    CACHE = "cache"
    DATABASE = "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a request got.

    `data` is None where there is no such row. `degraded` says why the cache couldn't be used,
    "" where it could. `seconds` is how long it took.
    """

    data: Row | None
    source: Source
    degraded: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one seldom changes; times in seconds."""

    prefix: str = "data"
    version: int = 1
    """Of the rows' shape; see `Keys`."""

    jitter: float = 0.1
    """So much of the TTL, at most, is taken off by chance."""

    negative_ttl: float = 10.0
    """For "there is no such row"; at most the TTL."""

    claim_seconds: float = 10.0
    """Longer than the slowest load. A loader that dies makes the others wait so long."""

    failures: int = 3
    """So many in a row open a circuit."""

    retry_seconds: float = 1.0
    """How often Redis is tried again while a circuit is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Brought:
    """What a flight brings for all who joined it: the row as JSON text."""

    text: bytes
    source: Source = Source.DATABASE
    degraded: str = ""
    waited: bool = False
    overtaken: bool = False
    """Somebody took the claim away: the row was changed since it was read, or may have been."""


class CacheAside:
    """Rows by id, from Redis if they are there, else from `load`; for any number of threads.

    `load(id)` gives a row or None, and may raise what it likes: that reaches every caller who
    waits for this row, as it is. After each write call `invalidate(id)`, once it is committed.

    `client` is a redis-py client of any shape: Redis, a Sentinel's, RedisCluster. `reader`, if
    given, serves the GETs, from replicas, also while the primary is away: reads and writes have
    circuits of their own then. Replicas lag behind. Both clients must return bytes
    (`decode_responses=False`, the default) and must not hang, which is settled where they are
    made: by default redis-py waits for seconds, or without end, and tries again and again. So:

        short = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}
        Redis(host, port, retry=Retry(NoBackoff(), 0), **short)
        refreshed_beside(RedisCluster(host, port, retry=..., require_full_coverage=False, **short))

    A Sentinel's own connections need the same (`sentinel_kwargs`). A call that fails takes at most
    the connect timeout and the answer timeout; of a cluster, 0.25 s more where it says CLUSTERDOWN;
    with Sentinels, that time once more for each Sentinel.

    `shard_of(key)` names the shard of a key: each has circuits of its own, so that one dead
    primary switches the cache off for its own keys alone. It must be quick and not raise.
    """

    def __init__(  # noqa: PLR0913  what everybody gives is an argument, the rest is in settings
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
        for one in (self._client, self._reader):
            if one.get_encoder().decode_responses:
                raise ValueError("the client must return bytes: decode_responses=False")
        self._load = load
        self._settings = chosen = settings or Settings()
        self._keys = Keys(chosen.prefix, chosen.version)
        circuit = partial(Circuit, chosen.failures, chosen.retry_seconds)
        self._reads = self._writes = Calls(shard_of, circuit, "asked")
        self._ways = [("", self._writes, self._client)]
        if self._reader is not client:
            self._reads = Calls(shard_of, circuit, "read from")
            self._writes = Calls(shard_of, circuit, "written to")
            self._ways = [("writes: ", self._writes, client), ("reads: ", self._reads, reader)]
        self._flights: SingleFlight[_Brought] = SingleFlight()
        self._owed = PendingInvalidations()
        self.ttl_seconds = ttl
        """The longest life of a row in the cache; may be set, for rows cached from then on."""
        self.stats = Stats()

    def key(self, id: str) -> str:
        """`data:<id>`; see `Keys`."""
        return self._keys.key(id)

    def get(self, id: str) -> Served:
        """The row, from the cache if it is there: one GET, and nothing else.

        Where Redis doesn't answer, this takes one failed call and the load; while the circuit is
        open, the load alone. Raises what `load` raises, TypeError or ValueError where JSON can't
        hold the row, and nothing else.
        """
        began = time.perf_counter()
        key = encoded(self.key(id))
        try:
            if self._owed and self._settle(key):
                raw = None  # deleted just now; a replica may not know it yet, and isn't asked
            else:
                raw = self._reads.ask(key, claim.look, self._reader, key)
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
        """The row was changed: nobody who asks from now on gets the old one from the cache.

        False: Redis is away. The deletion is owed then, and done before this process serves that
        key from the cache again; another process may serve the old row until it expires.
        """
        key = encoded(self.key(id))
        try:
            self._writes.ask(key, self._client.delete, key)
        except CacheAway:
            self._owed.add(key)
            return False
        finally:  # last: a flight that began before the deletion may have found the old row
            self._flights.forget(key)
        return True

    def clear(self) -> int:
        """No row of this prefix and version is in the cache any more; how many keys went.

        By SCAN, not KEYS, which would hold up everybody else. Raises CacheAway where Redis is
        away; some of them may be gone then.
        """
        removed = 0
        try:
            found = self._client.scan_iter(match=self._keys.pattern, count=_BATCH)
            own = filter(self._keys.owns, found)
            while batch := list(islice(own, _BATCH)):
                removed += int(self._client.unlink(*batch))
        except TROUBLE as error:
            raise CacheAway(words_of(error)) from error
        finally:
            self._flights.forget_all()
        return removed

    def ttl(self, id: str) -> float | None:
        """Seconds until the row expires; None where it isn't cached, or Redis is away.

        The primary knows it first; a replica goes on knowing it while no primary answers."""
        key = encoded(self.key(id))
        for _, calls, client in self._ways:
            with suppress(CacheAway):
                return calls.ask(key, claim.left, client, key)
        return None

    def check(self, id: str) -> None:
        """Redis answers for that row's key, whether it is cached or not, to writes and to reads;
        raises CacheAway, which says which of them fails where there is a reader."""
        key = encoded(self.key(id))
        wrong = []
        for what, calls, client in self._ways:
            try:
                calls.ask(key, claim.left, client, key)
            except CacheAway as away:
                wrong.append(f"{what}{away}")
        if wrong:
            raise CacheAway("; ".join(wrong))

    def circuits(self) -> dict[str, Circuits]:
        """The circuits of each shard, of those asked so far; "" where there is but one shard."""
        return circuits_of(self._reads, self._writes)

    def _served(self, key: bytes, began: float, fly: Callable[[], _Brought]) -> Served:
        """What the flight brought, this request's own or the one that was on its way."""
        try:
            brought, joined = self._flights.join(key, fly)
            if joined and brought.overtaken:
                # this request may have begun after the change; a flight that begins now reads it
                brought, joined = self._flights.join(key, fly)
        except BaseException:  # counted, whatever it is, and passed on
            self.stats.count("errors")
            raise
        row = decode(brought.text)  # everybody gets a copy of their own
        assert row is not MISSING  # noqa: S101  tells the type checker: a flight brings a value
        self._count(row, brought, waited=joined or brought.waited)
        took = time.perf_counter() - began
        return Served(data=row, source=brought.source, degraded=brought.degraded, seconds=took)

    def _fill(self, id: str, key: bytes, garbage: bytes | None) -> _Brought:
        """Cache-aside itself: claim the key, load the row, write it; or wait for who does."""
        mine = claim.new()
        try:
            held, waited = self._claim(key, mine, garbage or b"")
        except CacheAway as away:
            return self._uncached(id, str(away))
        if held != mine:
            source = Source.DATABASE if waited else Source.CACHE
            return _Brought(text=held, source=source, waited=waited)
        try:
            text = self._loaded(id)
        except BaseException:  # whatever it is, the next one needn't wait for this claim to expire
            with suppress(CacheAway):
                self._writes.ask(key, claim.drop, self._client, key, mine)
            raise
        try:
            words = (self._client, key, mine, text, self._life(text))
            written = self._writes.ask(key, claim.publish, *words)
        except CacheAway as away:
            return _Brought(text=text, degraded=str(away))
        return _Brought(text=text, overtaken=not written)

    def _claim(self, key: bytes, mine: bytes, garbage: bytes) -> tuple[bytes, bool]:
        """What the key holds: `mine`, or the value of who was faster; and whether it took waiting.

        A claim expires, so that a loader that died holds nobody up for longer than that. Who has
        waited for two such lives goes on without the cache: CacheAway.
        """
        life = _milliseconds(self._settings.claim_seconds)
        deadline = time.monotonic() + 2 * self._settings.claim_seconds
        pause, waited = _SHORTEST_PAUSE, False
        while True:
            held = self._writes.ask(key, claim.take, self._client, key, mine, life, garbage)
            if held == mine:
                return held, waited
            if not held.startswith(claim.MARK):
                if decode(held) is not MISSING:
                    return held, waited
                garbage = held  # not what the reader saw; it is written over all the same
                continue
            if time.monotonic() > deadline:
                raise CacheAway("others claimed this row again and again, and none wrote it")
            waited = True
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _uncached(self, id: str, reason: str) -> _Brought:
        """The row from the database, as the cache can't be used; still one load for all."""
        return _Brought(text=self._loaded(id), degraded=reason)

    def _loaded(self, id: str) -> bytes:
        self.stats.count("loads")
        return encode(self._load(id))

    def _life(self, text: bytes) -> int:
        """Milliseconds that this value is kept."""
        seconds = self.ttl_seconds
        if text == NO_SUCH_ROW:
            seconds = min(seconds, self._settings.negative_ttl)
        return _milliseconds(jittered(seconds, self._settings.jitter))

    def _settle(self, key: bytes) -> bool:
        """What is owed for this key is deleted, and whether anything was; and one more, for the
        other processes' sake. By its reads: hits alone would never find writes well again."""
        paid = self._pay(key)
        other = self._owed.next()
        if other is not None and self._reads.well(other):
            with suppress(CacheAway):
                self._pay(other)
        return paid

    def _pay(self, key: bytes) -> bool:
        ticket = self._owed.ticket(key)
        if ticket is None:
            return False
        self._writes.ask(key, self._client.delete, key)
        self._owed.paid(key, ticket)
        return True

    def _count(self, row: Row | None, brought: _Brought, *, waited: bool) -> None:
        how = "hits" if brought.source is Source.CACHE else "misses"
        names = ["degraded" if brought.degraded else how]
        if waited:
            names.append("waited")
        if row is None:
            names.append("negative")
        self.stats.count(*names)


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
