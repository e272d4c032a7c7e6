"""`demo --check`: measures cache-aside and a failover without the page."""

import secrets
import statistics
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from redistopo.cache_aside import CacheAside, Settings, Source
from redistopo.client.app_clients import CLIENT_ERRORS
from redistopo.demo.backend import Backend, BackendRequest, open_backend
from redistopo.demo.database import DatabaseAway, Items
from redistopo.demo.failover_check import (
    KEPT_SECONDS,
    ItemLocation,
    SkippedTakeover,
    Takeover,
    locate_items,
    measure_takeover,
    skip_reason,
)
from redistopo.demo.input_limits import require_delay
from redistopo.errors import ExitCode, Interrupted, MissingPrerequisite, TimedOut, UsageError
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline, wait_for
from redistopo.progress import Progress, step, warn
from redistopo.project.load import layout_of_folder
from redistopo.project.lock import one_at_a_time
from redistopo.quick_dataclass import dataclass

_HITS = 20
"""A single hit would also measure whatever else this machine does."""

_KEPT = tuple(map(str, range(1, 9)))
"""Ids of the items that are cached for the failover check."""

_GRACE_SECONDS = 5.0

MIN_TTL = 0.5
"""Seconds; on a busy machine, two requests take a good part of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """The topology; the cache's TTL and the duration of a database read, in seconds."""

    backend: BackendRequest
    ttl: float = 60.0
    db_delay: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRequest:
    """One request: `what` it shows, and its result and source; `ttl` is the seconds left
    afterwards, None if the row isn't cached."""

    what: str
    source: str
    milliseconds: float
    ttl: float | None
    node: str
    slot: int | None
    degraded: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Miss, hit, hit again, and after `expired` seconds a miss again; `again` is the median of
    `hits` hits in milliseconds. `ratio` is how many times longer a miss takes than a hit."""

    asked: tuple[MeasuredRequest, ...]
    hits: int
    again: float
    expired: float | None
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The measurements; `unshown` is why no takeover was tried, "" if it was. `faults` are
    violations of what the pattern promises."""

    name: str
    shape: str
    ttl: float
    db_delay: float
    pattern: Pattern
    homes: tuple[ItemLocation, ...]
    takeover: Takeover | None
    unshown: str
    faults: tuple[str, ...]

    @property
    def code(self) -> ExitCode:
        return ExitCode.FAULT if self.faults else ExitCode.DONE


def check(request: CheckRequest, progress: Progress) -> CheckResult:
    """Measure cache-aside and, if a replica takes over automatically, stop a primary and start it
    again; afterwards delete all keys, and verify the topology.

    Stops no server of another owner. Its own small database is removed afterwards. Raises
    RedistopoError as `backend` does, and if another check runs in this folder: each would measure
    the other's outage; UsageError for a TTL too short for a hit, or a delay too long; Interrupted,
    with the state of the stopped node.
    """
    if request.ttl < MIN_TTL:
        raise UsageError(
            f"in {request.ttl:g} s a row expires before it is requested again",
            hint=f"at least --ttl {MIN_TTL:g}s",
        )
    require_delay(request.db_delay)
    try:
        return _run(request, progress)
    except KeyboardInterrupt as ended:
        raise Interrupted("interrupted while no node was stopped") from ended


def _run(request: CheckRequest, progress: Progress) -> CheckResult:
    with (
        open_backend(request.backend) as backend,
        _exclusive(request.backend),
        _temporary_cache(request, backend, progress) as (cache, items),
    ):
        pattern = _measure_pattern(request, backend, cache, progress)
        faults = list(pattern_faults(pattern, request))
        found: tuple[ItemLocation, ...] = ()
        taken = None
        unshown = SkippedTakeover(why="no primary was stopped, because the cache doesn't work")
        if not faults:
            cache.ttl_seconds, items.delay = KEPT_SECONDS, 0.0
            with step(progress, f"cache {len(_KEPT)} items, and locate them"):
                found = locate_items(backend, cache, _KEPT)
            unshown = skip_reason(backend, found)
            if unshown.fault:
                faults.append(unshown.why)
            elif not unshown.why:
                taken = measure_takeover(backend, cache, found, progress)
                faults += taken.faults
        return CheckResult(
            name=backend.name,
            shape=backend.shape,
            ttl=request.ttl,
            db_delay=request.db_delay,
            pattern=pattern,
            homes=found,
            takeover=taken,
            unshown=unshown.why,
            faults=tuple(faults),
        )


def pattern_faults(pattern: Pattern, request: CheckRequest) -> tuple[str, ...]:
    """Return every violation of what cache-aside promises; pure."""
    wanted = {one.what: one for one in pattern.asked}
    found = [
        f"{one.what}: the cache could not be used ({one.degraded})"
        for one in pattern.asked
        if one.degraded
    ]
    if found:
        return tuple(found)
    for what, source in _PROMISED.items():
        if wanted[what].source != source:
            found.append(f"the {what} was served from the {wanted[what].source}, not the {source}")
    for one in pattern.asked:
        if one.ttl is None or not 0 < one.ttl <= request.ttl:
            left = "no TTL" if one.ttl is None else f"a TTL of {one.ttl:.1f} s"
            found.append(f"{one.what}: {left}, but {request.ttl:g} s were requested")
    if pattern.hits < _HITS:
        found.append(f"of {_HITS} requests for a cached item, only {pattern.hits} were hits")
    if pattern.expired is None:
        found.append(f"the item had not expired after {request.ttl:g} s")
    if pattern.ratio <= 1:
        found.append(f"a hit takes as long as a miss: {pattern.again:.1f} ms")
    return tuple(found)


_PROMISED = {"miss": "database", "hit": "cache", "hit again": "cache", "miss again": "database"}


def _exclusive(request: BackendRequest) -> AbstractContextManager[object]:
    """Lock the folder's own topology; elsewhere no node is stopped, and keys are unique."""
    if request.connect:
        return nullcontext()
    return one_at_a_time(layout_of_folder(request.root).checking, "demo --check")


@contextmanager
def _temporary_cache(
    request: CheckRequest, backend: Backend, progress: Progress
) -> Iterator[tuple[CacheAside, Items]]:
    """Yield a cache with a key prefix of its own, and a temporary database; delete the keys on
    exit."""
    with _database(request.db_delay) as items:
        own = Settings(
            prefix=f"redistopo-check-{secrets.token_hex(3)}",
            claim_seconds=_GRACE_SECONDS + 2 * request.db_delay,
        )
        cache = backend.cache(items.load, ttl=request.ttl, settings=own)
        try:
            yield cache, items
        finally:
            with interrupts_deferred():  # briefly
                _clear(cache, max(KEPT_SECONDS, request.ttl), progress)


def _clear(cache: CacheAside, ttl: float, progress: Progress) -> None:
    """Delete every key of the check by name: SCAN would have to reach every primary, also a
    primary that does not reply. Retry until all are gone."""
    left = {_ID, *_KEPT}

    def gone() -> bool | None:
        for id in tuple(left):
            if cache.invalidate(id):
                left.remove(id)
        return None if left else True

    try:
        wait_for(gone, Deadline(_GRACE_SECONDS), lambda: "")
    except TimedOut:
        text = f"{len(left)} keys such as {cache.key(min(left))} may be left"
        warn(progress, f"{text}; they expire within {ttl / 60:.0f} minutes")


@contextmanager
def _database(delay: float) -> Iterator[Items]:
    """Yield a database in a temporary folder; raise MissingPrerequisite if it can't be created."""
    try:
        with TemporaryDirectory(prefix="redistopo-check-") as folder:
            yield Items.seeded(Path(folder) / "items.db", delay)
    except DatabaseAway as error:
        raise MissingPrerequisite(
            "the check can't create its database",
            detail=str(error),
            hint="set TMPDIR to a writable folder",
        ) from error


def _measure_pattern(
    request: CheckRequest, backend: Backend, cache: CacheAside, progress: Progress
) -> Pattern:
    ask = partial(_measure, backend, cache)
    with step(progress, f"request an item; the database takes {request.db_delay:g} s"):
        miss = ask("miss")
    if not miss.degraded:
        _await_replicas(backend, cache.key(_ID))
    with step(progress, "request it again, many times"):
        hit = ask("hit")
        took = [cache.get(_ID) for _ in range(_HITS)]
        again = ask("hit again")
    with step(progress, f"wait until it expires, {request.ttl:g} s at most"):
        expired = _await_expiry(cache, request.ttl)
    with step(progress, "request it once more"):
        last = ask("miss again")
    hits = [one for one in took if one.source is Source.CACHE]
    median = statistics.median(one.seconds * 1000 for one in took)
    misses = (miss.milliseconds + last.milliseconds) / 2
    return Pattern(
        asked=(miss, hit, again, last),
        hits=len(hits),
        again=median,
        expired=expired,
        ratio=misses / median,
    )


_ID = "100"
"""None of the items kept for the failover check: it would expire too soon."""


def _measure(backend: Backend, cache: CacheAside, what: str) -> MeasuredRequest:
    served = cache.get(_ID)
    place = backend.place(cache.key(_ID))
    return MeasuredRequest(
        what=what,
        source=served.source.value,
        milliseconds=served.seconds * 1000,
        ttl=cache.ttl(_ID),
        node=place.node,
        slot=place.slot,
        degraded=served.degraded,
    )


def _await_replicas(backend: Backend, key: str) -> None:
    """Wait until the nodes that serve reads have the key: replicas lag behind the primary."""
    turns = max(1, len(backend.view().replicas()))
    with suppress(TimedOut):  # then the next request shows it
        wait_for(
            lambda: all(_has_key(backend, key) for _ in range(turns)) or None,
            Deadline(_GRACE_SECONDS),
            lambda: "",
        )


def _has_key(backend: Backend, key: str) -> bool:
    with suppress(*CLIENT_ERRORS):
        return bool(backend.reader.get(key))
    return False


def _await_expiry(cache: CacheAside, ttl: float) -> float | None:
    """Return after how many seconds the row was gone; None if it was not in time."""
    deadline = Deadline(ttl + _GRACE_SECONDS)
    with suppress(TimedOut):
        wait_for(lambda: cache.ttl(_ID) is None or None, deadline, lambda: "")
        return deadline.seconds - deadline.left
    return None
