"""`demo --check`: what the page shows, measured without a browser: the pattern, and a failover."""

import secrets
import statistics
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from redistopo.cache_aside import CacheAside, Served, Settings, Source
from redistopo.client.app_clients import CLIENT_ERRORS
from redistopo.demo.backend import Backend, BackendRequest, open_backend
from redistopo.demo.bounds import require_delay
from redistopo.demo.database import DatabaseAway, Items
from redistopo.demo.failover_check import (
    KEPT_SECONDS,
    Home,
    Takeover,
    Unshown,
    homes,
    takeover,
    why_not,
)
from redistopo.errors import ExitCode, Interrupted, MissingPrerequisite, TimedOut, UsageError
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline, wait_for
from redistopo.progress import Progress, step, warn
from redistopo.project.load import layout_of_folder
from redistopo.project.lock import one_at_a_time

_HITS = 20
"""Of a single hit one would measure whatever else this machine does."""

_KEPT = tuple(map(str, range(1, 9)))
"""Ids of the items that are cached to see where they are, and that none is lost."""

_GRACE_SECONDS = 5.0

SHORTEST_TTL = 0.5
"""Seconds; a busy machine takes a good part of them between two requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """Against which topology; the cache's TTL and what a read of the database takes, in seconds."""

    stage: BackendRequest
    ttl: float = 60.0
    db_delay: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: `what` it shows, what it got and from where; `ttl` is what was left
    afterwards, in seconds, None where nothing is cached."""

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
    `hits` hits in milliseconds. `ratio` is how many times longer a miss took than a hit."""

    asked: tuple[Asked, ...]
    hits: int
    again: float
    expired: float | None
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What was measured; `unshown` says why no takeover was tried, "" where one was. `faults`
    are what isn't as the pattern promises."""

    name: str
    shape: str
    ttl: float
    db_delay: float
    pattern: Pattern
    homes: tuple[Home, ...]
    takeover: Takeover | None
    unshown: str
    faults: tuple[str, ...]

    @property
    def code(self) -> ExitCode:
        return ExitCode.FAULT if self.faults else ExitCode.DONE


def check(request: CheckRequest, progress: Progress) -> CheckResult:
    """The pattern was measured and, where a replica takes over by itself, a primary was stopped
    and started again; no key of it is left, and the topology is whole.

    Nothing is stopped that isn't ours. Its own small database is gone afterwards. Raises
    RedistopoError as `stage` does, and where another check is at work in this folder: each would
    measure the other's outage. UsageError for a TTL in which nobody sees a hit, or a delay
    that nobody waits for; Interrupted, which says what became of the node that was stopped.
    """
    if request.ttl < SHORTEST_TTL:
        raise UsageError(
            f"in {request.ttl:g} s a row expires before it is asked for again",
            hint=f"--ttl {SHORTEST_TTL:g}s at least",
        )
    require_delay(request.db_delay)
    try:
        return _checked(request, progress)
    except KeyboardInterrupt as ended:
        raise Interrupted("interrupted while no node was stopped") from ended


def _checked(request: CheckRequest, progress: Progress) -> CheckResult:
    with (
        open_backend(request.stage) as live,
        _alone(request.stage),
        _cached(request, live, progress) as (cache, items),
    ):
        pattern = _pattern(request, live, cache, progress)
        faults = list(broken(pattern, request))
        found: tuple[Home, ...] = ()
        taken, unshown = None, Unshown(why="no primary was stopped, for the cache doesn't work")
        if not faults:
            cache.ttl_seconds, items.delay = KEPT_SECONDS, 0.0
            with step(progress, f"cache {len(_KEPT)} items: which node has which?"):
                found = homes(live, cache, _KEPT)
            unshown = why_not(live, found)
            if unshown.fault:
                faults.append(unshown.why)
            elif not unshown.why:
                taken = takeover(live, cache, found, progress)
                faults += taken.faults
        return CheckResult(
            name=live.name,
            shape=live.shape,
            ttl=request.ttl,
            db_delay=request.db_delay,
            pattern=pattern,
            homes=found,
            takeover=taken,
            unshown=unshown.why,
            faults=tuple(faults),
        )


def broken(pattern: Pattern, request: CheckRequest) -> tuple[str, ...]:
    """What isn't as cache-aside promises; pure."""
    wanted = {one.what: one for one in pattern.asked}
    found = [
        f"{one.what}: the cache couldn't be used ({one.degraded})"
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
            found.append(f"{one.what}: {left}, and {request.ttl:g} s were asked")
    if pattern.hits < _HITS:
        found.append(f"of {_HITS} requests while it was cached, only {pattern.hits} were hits")
    if pattern.expired is None:
        found.append(f"it hadn't expired after {request.ttl:g} s")
    if pattern.ratio <= 1:
        found.append(f"a hit takes as long as a miss: {pattern.again:.1f} ms")
    return tuple(found)


_PROMISED = {"miss": "database", "hit": "cache", "hit again": "cache", "miss again": "database"}


def _alone(request: BackendRequest) -> AbstractContextManager[object]:
    """Elsewhere nothing is stopped, and each check has keys of its own."""
    if request.connect:
        return nullcontext()
    return one_at_a_time(layout_of_folder(request.root).checking, "demo --check")


@contextmanager
def _cached(
    request: CheckRequest, live: Backend, progress: Progress
) -> Iterator[tuple[CacheAside, Items]]:
    """A cache with keys of its own, so that nobody's application is disturbed, and no key is
    left; with a database that nobody else has."""
    with _database(request.db_delay) as items:
        own = Settings(
            prefix=f"redistopo-check-{secrets.token_hex(3)}",
            claim_seconds=_GRACE_SECONDS + 2 * request.db_delay,
        )
        cache = live.cache(items.load, ttl=request.ttl, settings=own)
        try:
            yield cache, items
        finally:
            with interrupts_deferred():  # for a moment
                _clear(cache, max(KEPT_SECONDS, request.ttl), progress)


def _clear(cache: CacheAside, ttl: float, progress: Progress) -> None:
    """No key of the check is left. Each is deleted by its name, for a SCAN would ask every
    primary, also one that doesn't answer; one by one, until all are gone."""
    left = {_ID, *_KEPT}

    def gone() -> bool | None:
        for id in tuple(left):
            if cache.invalidate(id):
                left.remove(id)
        return None if left else True

    try:
        wait_for(gone, Deadline(_GRACE_SECONDS), lambda: "")
    except TimedOut:
        told = f"{len(left)} keys such as {cache.key(min(left))} may be left"
        warn(progress, f"{told}; they expire within {ttl / 60:.0f} minutes")


@contextmanager
def _database(delay: float) -> Iterator[Items]:
    """Yield a database in a temporary folder; raises MissingPrerequisite if it can't be made."""
    try:
        with TemporaryDirectory(prefix="redistopo-check-") as folder:
            yield Items.seeded(Path(folder) / "items.db", delay)
    except DatabaseAway as error:
        raise MissingPrerequisite(
            "the check's own database can't be used",
            detail=str(error),
            hint="TMPDIR names a folder to write to",
        ) from error


def _pattern(
    request: CheckRequest, live: Backend, cache: CacheAside, progress: Progress
) -> Pattern:
    ask = _asker(live, cache)
    with step(progress, f"ask for an item; the database takes {request.db_delay:g} s"):
        miss = ask("miss")
    if not miss.degraded:
        _await_replicas(live, cache.key(_ID))
    with step(progress, "ask again, many times"):
        hit = ask("hit")
        took = [cache.get(_ID) for _ in range(_HITS)]
        again = ask("hit again")
    with step(progress, f"wait until it expires, {request.ttl:g} s at most"):
        expired = _await_expiry(cache, request.ttl)
    with step(progress, "ask once more"):
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
"""Not one of those that are cached to be kept: it would expire too soon."""


def _asker(live: Backend, cache: CacheAside) -> Callable[[str], Asked]:
    def ask(what: str) -> Asked:
        served: Served = cache.get(_ID)
        place = live.place(cache.key(_ID))
        return Asked(
            what=what,
            source=served.source.value,
            milliseconds=served.seconds * 1000,
            ttl=cache.ttl(_ID),
            node=place.node,
            slot=place.slot,
            degraded=served.degraded,
        )

    return ask


def _await_replicas(live: Backend, key: str) -> None:
    """Whoever serves reads has the key: replicas get it a moment after the primary."""
    turns = max(1, len(live.picture().replicas()))
    with suppress(TimedOut):  # then the next request tells
        wait_for(
            lambda: all(_has(live, key) for _ in range(turns)) or None,
            Deadline(_GRACE_SECONDS),
            lambda: "",
        )


def _has(live: Backend, key: str) -> bool:
    with suppress(*CLIENT_ERRORS):
        return bool(live.reader.get(key))
    return False


def _await_expiry(cache: CacheAside, ttl: float) -> float | None:
    """After how many seconds from now it was gone; None where it wasn't in time."""
    deadline = Deadline(ttl + _GRACE_SECONDS)
    with suppress(TimedOut):
        wait_for(lambda: cache.ttl(_ID) is None or None, deadline, lambda: "")
        return deadline.seconds - deadline.left
    return None
