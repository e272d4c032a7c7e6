"""A primary is stopped under the application, a replica takes over, and all is mended again."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from redistopo.demo.cache_aside import CacheAside, Source
from redistopo.demo.places import Picture, ShardDrawn
from redistopo.demo.stage import Stage, StageRequest
from redistopo.demo.story import Story
from redistopo.errors import RedistopoError, TimedOut
from redistopo.events import Tell, silent, step
from redistopo.model.promotable import promotable
from redistopo.model.topology import Shape
from redistopo.ops.selection import running
from redistopo.ops.sight import SightRequest
from redistopo.ops.wait import WaitRequest, wait
from redistopo.world.interrupt import uninterrupted
from redistopo.world.observe import Depth
from redistopo.world.waiting import Deadline, wait_for

_PATIENCE_SECONDS = 60.0
"""For somebody to take over; the node timeout is one's own, and may be long."""

_WHOLE_SECONDS = 30.0
_LOOK_SECONDS = 2.0


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

    `promoted` is when a look found the `heir` leading, `served` when each of the `keys` of that
    shard came from the cache again: both None where they weren't in time. `kept` of them were
    there at once; so many `requests` were made until then, of which `degraded` were served from
    the database. `whole` says whether every check passes with the node started again.
    """

    node: str
    heir: str
    keys: int
    kept: int
    promoted: float | None
    served: float | None
    requests: int
    degraded: int
    whole: bool
    stories: tuple[str, ...]
    faults: tuple[str, ...]


def homes(live: Stage, cache: CacheAside, ids: list[str]) -> tuple[Home, ...]:
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


def why_not(request: StageRequest, live: Stage, found: tuple[Home, ...]) -> Unshown:
    """Whether a primary can be stopped, and a replica takes over by itself."""
    if not live.own:
        return Unshown(why=f"nothing is stopped: {live.name} isn't ours to break")
    if live.shape not in (Shape.CLUSTER, Shape.SENTINEL):
        return Unshown(why=_ALONE[live.shape])
    seen = wait(WaitRequest(sight=SightRequest(root=request.root), seconds=5.0), silent)
    if seen.missing:
        one = seen.missing[0]
        why = f"no primary was stopped, for not all is well: {one.subject}: {one.evidence}"
        return Unshown(why=f"{why} (next: redistopo verify)", fault=True)
    victim = _victim(live.picture(), found)
    with running(request.root, Depth.FULL) as now:
        leads = tuple(node for node in now.seen.nodes if node.name == victim)
        obstacles = [one for heir in promotable(now.seen, leads) for one in heir.obstacles]
    if obstacles:
        return Unshown(why=f"nobody would take over from {victim}: {obstacles[0][0]}")
    return Unshown()


_ALONE = {
    Shape.STANDALONE: "no primary was stopped: a standalone server has nobody who takes over; "
    "redistopo init sentinel, or init cluster, makes a topology that has",
    Shape.REPLICATION: "no primary was stopped: in a replication without Sentinels nobody takes "
    "over by itself; redistopo init sentinel, or init cluster, makes a topology where it does",
}


def _victim(now: Picture, found: tuple[Home, ...]) -> str:
    """The primary of the shard with most of the items."""
    shard = Counter(one.shard for one in found).most_common(1)[0][0]
    return next(one.nodes[0].name for one in now.shards if one.name == shard)


def takeover(live: Stage, cache: CacheAside, found: tuple[Home, ...], tell: Tell) -> Takeover:
    """The primary with most of the items was stopped, and runs again whatever happened."""
    victim = _victim(live.picture(), found)
    ids = [one.id for one in found if one.shard == _shard_with(live, victim).name]
    stories: list[Story] = []
    live.follow(stories.append)
    with _stopped(live, victim, tell):
        watched = _Watched(live=live, cache=cache, victim=victim, ids=ids)
        with step(tell, "wait until a replica has taken over, asking for items meanwhile"):
            watched.await_served()
    with step(tell, "wait until all is well again"):
        asked = WaitRequest(sight=SightRequest(root=live.root), seconds=_WHOLE_SECONDS)
        missing = wait(asked, silent).missing
    faults = [*watched.faults(), *(f"{one.subject}: {one.evidence}" for one in missing)]
    return Takeover(
        node=victim,
        heir=watched.heir,
        keys=len(ids),
        kept=sum(source is Source.CACHE for source in watched.first.values()),
        promoted=watched.promoted,
        served=watched.served,
        requests=watched.requests,
        degraded=watched.degraded,
        whole=not missing,
        stories=tuple(story.text for story in stories),
        faults=tuple(faults),
    )


def _shard_with(live: Stage, node: str) -> ShardDrawn:
    shard = live.picture().shard_with(node)
    if shard is None:
        raise RedistopoError(f"{node} is gone from the topology", hint="redistopo status")
    return shard


@contextmanager
def _stopped(live: Stage, node: str, tell: Tell) -> Iterator[None]:
    """The node is stopped inside, and runs afterwards: also after Ctrl-C, and after an error."""
    try:
        with step(tell, f"stop {node}, the primary with most of the items"):
            live.act("stop", node)
        yield
    finally:
        with uninterrupted(), step(tell, f"start {node} again"):
            live.act("start", node)


@dataclass(slots=True, kw_only=True)
class _Watched:
    """What requests find while a primary is away; times from when it had stopped."""

    live: Stage
    cache: CacheAside
    victim: str
    ids: list[str]
    began: float = field(default_factory=time.monotonic)
    first: dict[str, Source] = field(default_factory=dict)
    heir: str = ""
    promoted: float | None = None
    served: float | None = None
    requests: int = 0
    degraded: int = 0

    def await_served(self) -> None:
        """Each item was asked for until the cache answered again, or patience is over."""
        with suppress(TimedOut):
            wait_for(self._ask, Deadline(_PATIENCE_SECONDS), lambda: "", pause=0.02, most=0.05)
            self.served = self._passed
            # a look may be a moment behind what clients know
            wait_for(self._led, Deadline(_LOOK_SECONDS), lambda: "")

    def faults(self) -> Iterator[str]:
        """What isn't as a failover promises."""
        if self.served is None:
            yield f"{self.victim} was stopped, and nobody served its items from the cache after it"
            return
        for id, source in self.first.items():
            if source is not Source.CACHE:
                yield f"item {id} was cached before {self.victim} stopped, and was gone afterwards"

    @property
    def _passed(self) -> float:
        return time.monotonic() - self.began

    def _ask(self) -> bool | None:
        self._led()
        for id in self.ids:
            if id in self.first:
                continue
            served = self.cache.get(id)
            self.requests += 1
            self.degraded += bool(served.degraded)
            if not served.degraded:
                self.first[id] = served.source
        return True if len(self.first) == len(self.ids) else None

    def _led(self) -> bool | None:
        leader = _shard_with(self.live, self.victim).nodes[0]
        if self.promoted is None and leader.up and leader.name != self.victim:
            self.heir, self.promoted = leader.name, self._passed
        return True if self.heir else None
