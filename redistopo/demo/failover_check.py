"""A primary is stopped under the application, a replica takes over, and all is mended again."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from redistopo.cache_aside import CacheAside, Source
from redistopo.client.app_clients import CLIENT_ERRORS
from redistopo.client.observe import Detail
from redistopo.demo.backend import Backend
from redistopo.demo.narration import Story
from redistopo.demo.placement import Picture, ShardDrawn
from redistopo.errors import Interrupted, RedistopoError, TimedOut
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.promotability import Promotability, promotability_of
from redistopo.model.state.observed import Role
from redistopo.model.topology.spec import Shape
from redistopo.ops.up import UpRequest, up
from redistopo.ops.wait import WaitRequest, wait
from redistopo.progress import Progress, no_progress, step, warn
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest
from redistopo.session.target import TargetRequest

_PATIENCE_SECONDS = 30.0
"""For somebody to take over, beyond three times what the others wait before they agree."""

_WHOLE_SECONDS = 60.0

KEPT_SECONDS = 600
"""Longer than any failover: an item that is gone then was lost, and has not expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a cached item is: `slot` is None outside a cluster, `shard` "" where nobody owns it."""

    id: str
    key: str
    slot: int | None
    shard: str
    node: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unshown:
    """Why no primary is stopped, "" for no reason; whether that itself is a fault."""

    why: str = ""
    fault: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """How a stopped primary was replaced, in seconds after it had stopped.

    `promoted` is when the `heir` led, by a look or by a write; `written` when one was taken again,
    `served` when each of the `keys` of that shard had come from the cache since the heir leads:
    None where that wasn't in time. `kept` of them were still in it. So many `requests` were made
    until all three were true, `degraded` of them served from the database. `whole` says whether
    every check passes with the node started again.
    """

    node: str
    heir: str
    keys: int
    kept: int
    promoted: float | None
    written: float | None
    served: float | None
    requests: int
    degraded: int
    whole: bool
    stories: tuple[str, ...]
    faults: tuple[str, ...]


def homes(live: Backend, cache: CacheAside, ids: Iterable[str]) -> tuple[Home, ...]:
    """These items are cached; where each of them is."""
    found = []
    for id in ids:
        cache.get(id)
        key = cache.key(id)
        place = live.place(key)
        shard = live.shard_of(key) or live.picture().only
        found.append(
            Home(id=id, key=key, slot=place.slot, shard=shard, node=place.node, role=place.role)
        )
    return tuple(found)


def why_not(live: Backend, found: tuple[Home, ...]) -> Unshown:
    """Whether a primary can be stopped, and a replica takes over by itself."""
    if not live.own:
        return Unshown(why=f"nothing is stopped: {live.name} isn't ours to break")
    if alone := _ALONE.get(Shape(live.shape)):
        return Unshown(why=alone)
    well = wait(WaitRequest(sight=TargetRequest(root=live.root), seconds=5.0), no_progress)
    if well.missing:
        one = well.missing[0]
        why = f"no primary was stopped, for not all is well: {one.subject}: {one.evidence}"
        return Unshown(why=f"{why} (next: redistopo verify)", fault=True)
    victim = _victim(live.picture(), found)
    if not victim:
        return Unshown(why="no primary was stopped, for the items' shard has none", fault=True)
    with open_session(SessionRequest(root=live.root)) as session:
        seen = session.observe(Detail.FULL)
        leads = tuple(node for node in seen.nodes if node.name == victim)
        return hindered(promotability_of(seen, leads))


def hindered(leads: Iterable[Promotability]) -> Unshown:
    """What stands in the way of a takeover from one of these primaries. It is a fault where it is
    so at this moment only (TILT), and none where the topology was asked for like that, such as
    without replicas; pure."""
    for lead in leads:
        for obstacle, hint in lead.obstacles:
            why = f"no primary was stopped, for nobody would take over from {lead.primary}"
            return Unshown(why=f"{why}: {obstacle} ({hint})", fault=bool(lead.tilted))
    return Unshown()


_ALONE = {
    Shape.STANDALONE: "no primary was stopped: a standalone server has nobody who takes over; "
    "redistopo init sentinel, or init cluster, makes a topology that has",
    Shape.REPLICATION: "no primary was stopped: in a replication without Sentinels nobody takes "
    "over by itself; redistopo init sentinel, or init cluster, makes a topology where it does",
}


def _victim(now: Picture, found: tuple[Home, ...]) -> str:
    """The primary of the shard with most of the items; "" where none leads there."""
    shard = Counter(one.shard for one in found).most_common(1)[0][0]
    leads = (one.nodes[0] for one in now.shards if one.name == shard)
    return next((one.name for one in leads if one.role == Role.PRIMARY), "")


def takeover(
    live: Backend, cache: CacheAside, found: tuple[Home, ...], progress: Progress
) -> Takeover:
    """The primary with most of the items was stopped, and runs again whatever happened."""
    victim = _victim(live.picture(), found)
    shard = _shard_with(live, victim).name
    stories: list[Story] = []
    live.follow(stories.append)
    try:
        with step(progress, f"stop {victim}, the primary with most of the items"):
            live.act("stop", victim)
        mine = tuple(one for one in found if one.shard == shard)
        watched = _Watched(live=live, cache=cache, victim=victim, homes=mine)
        with step(progress, "wait until a replica has taken over, asking for items meanwhile"):
            watched.wait()
        trouble = _mended(live, victim, progress)
    except BaseException as ended:  # Ctrl-C too: what was stopped runs again
        with interrupts_deferred():
            trouble = _mended(live, victim, progress)
        if isinstance(ended, KeyboardInterrupt):
            raise _interrupted(victim, trouble) from ended
        if trouble:
            warn(progress, trouble)
        raise
    return Takeover(
        node=victim,
        heir=watched.heir,
        keys=len(mine),
        kept=sum(source is Source.CACHE for source in watched.first.values()),
        promoted=watched.promoted,
        written=watched.written,
        served=watched.served,
        requests=watched.requests,
        degraded=watched.degraded,
        whole=not trouble,
        stories=tuple(story.text for story in stories),
        faults=(*watched.faults(), *((trouble,) if trouble else ())),
    )


def _mended(live: Backend, victim: str, progress: Progress) -> str:
    """All nodes run, and every check passes; else why not. `start` would refuse where nobody
    has taken over yet; `up` waits, and lets the right one lead."""
    try:
        with step(progress, f"start {victim} again: redistopo up"):
            up(UpRequest(root=live.root, seconds=_WHOLE_SECONDS, keep=True), no_progress)
    except RedistopoError as error:
        return f"not all is well again: {error.message}; redistopo up goes on with it"
    return ""


def _interrupted(victim: str, trouble: str) -> Interrupted:
    if trouble:
        return Interrupted(f"interrupted, and {trouble}", hint="redistopo up")
    return Interrupted(
        f"interrupted; {victim}, which was stopped, runs again, and every check passes"
    )


def _shard_with(live: Backend, node: str) -> ShardDrawn:
    shard = live.picture().shard_with(node)
    if shard is None:
        raise RedistopoError(f"{node} is gone from the topology", hint="redistopo status")
    return shard


@dataclass(slots=True, kw_only=True)
class _Watched:
    """What requests find while a primary is away; times from when it had stopped."""

    live: Backend
    cache: CacheAside
    victim: str
    homes: tuple[Home, ...]
    began: float = field(default_factory=time.monotonic)
    first: dict[str, Source] = field(default_factory=dict)
    heir: str = ""
    promoted: float | None = None
    written: float | None = None
    served: float | None = None
    requests: int = 0
    degraded: int = 0

    def wait(self) -> None:
        """Somebody leads, writes are taken, and each item was served by the cache once more; or
        patience is over."""
        with suppress(TimedOut):
            deadline = Deadline(self.patience)
            wait_for(self._look, deadline, lambda: "", pause=0.02, most=0.05)

    @property
    def patience(self) -> float:
        """Seconds to wait."""
        asked, silent = self.live.asked, 0
        if asked is not None:
            silent = asked.node_timeout if asked.clustered else asked.down_after
        return _PATIENCE_SECONDS + 3 * silent / 1000

    def faults(self) -> Iterator[str]:
        """What isn't as a failover promises."""
        if self.promoted is None:
            yield f"nobody took over from {self.victim} in {self.patience:g} s"
        elif self.written is None or self.served is None:
            yield f"{self.heir} took over, and clients weren't served in {self.patience:g} s"
        for id, source in self.first.items():
            if source is not Source.CACHE:
                yield f"item {id} was cached before {self.victim} stopped, and was gone afterwards"

    def _look(self) -> bool | None:
        leader = _shard_with(self.live, self.victim).nodes[0]
        if self.promoted is None and leader.up and leader.name != self.victim:
            # who took a write led by then: a look is taken now and then only
            self.heir, self.promoted = leader.name, self.written or self._passed
        if self.written is None and self._writes():
            self.written = self._passed
        for home in self.homes:
            self._ask(home.id)
        if self.served is None and len(self.first) == len(self.homes):
            self.served = self._passed
        return None if None in (self.promoted, self.written, self.served) else True

    @property
    def _passed(self) -> float:
        return time.monotonic() - self.began

    def _ask(self, id: str) -> None:
        served = self.cache.get(id)
        self.requests += 1
        self.degraded += bool(served.degraded)
        if served.degraded:
            return
        # a hit before that may be a replica's, of what the heir lacks; a miss counts at once,
        # for the next one finds the row cached anew
        if self.promoted is not None or served.source is not Source.CACHE:
            self.first.setdefault(id, served.source)

    def _writes(self) -> bool:
        """Whether the shard takes a write: one that changes nothing but an item's expiry."""
        with suppress(*CLIENT_ERRORS):
            self.live.writer.expire(self.homes[0].key, KEPT_SECONDS)
            return True
        return False
