"""Stops a primary under the application, measures the takeover, and repairs the topology."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import field

from redistopo.cache_aside import CacheAside, Source
from redistopo.client.app_clients import CLIENT_ERRORS
from redistopo.client.target import Detail
from redistopo.demo.backend import Backend
from redistopo.demo.notices import Notice
from redistopo.demo.topology_view import ShardView, TopologyView
from redistopo.errors import Interrupted, RedistopoError, TimedOut
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.promotability import Promotability, promotability_of
from redistopo.model.state.observed import Role
from redistopo.model.topology.spec import Shape
from redistopo.ops.up import UpRequest, up
from redistopo.ops.wait import WaitRequest, wait
from redistopo.progress import Progress, no_progress, step, warn
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest
from redistopo.session.watched_topology import TargetRequest

_PATIENCE_SECONDS = 30.0
"""How long to wait for a takeover, plus three times the failure detection timeout."""

_WHOLE_SECONDS = 60.0

KEPT_SECONDS = 600
"""Longer than any failover: an item that is gone then was lost, not expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLocation:
    """Where a cached item is: `slot` is None outside a cluster, `shard` "" if no node owns it."""

    id: str
    key: str
    slot: int | None
    shard: str
    node: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedTakeover:
    """Why no primary is stopped, "" for no reason; and whether the reason is a fault."""

    why: str = ""
    fault: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """How a stopped primary was replaced; times in seconds after it had stopped.

    `promoted` is when the `heir` became primary, according to a poll or a write; `written` when a
    write was accepted again; `served` when each of the `keys` of that shard had come from the
    cache since the promotion: None if it did not happen in time. `kept` of them were still cached.
    `requests` were made until all three were true, and `degraded` of them were served from the
    database. `whole` is whether every check passes with the node started again.
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


def locate_items(
    backend: Backend, cache: CacheAside, ids: Iterable[str]
) -> tuple[ItemLocation, ...]:
    """Cache these items, and return where each of them is."""
    found = []
    for id in ids:
        cache.get(id)
        key = cache.key(id)
        place = backend.place(key)
        shard = backend.shard_of(key) or backend.view().only_shard
        found.append(
            ItemLocation(
                id=id, key=key, slot=place.slot, shard=shard, node=place.node, role=place.role
            )
        )
    return tuple(found)


def skip_reason(backend: Backend, found: tuple[ItemLocation, ...]) -> SkippedTakeover:
    """Return why a primary can't be stopped, or why no replica would take over."""
    if not backend.own:
        return SkippedTakeover(why=f"no node was stopped: {backend.name} belongs to another owner")
    if alone := _NO_TAKEOVER.get(Shape(backend.shape)):
        return SkippedTakeover(why=alone)
    health = wait(WaitRequest(sight=TargetRequest(root=backend.root), seconds=5.0), no_progress)
    if health.missing:
        one = health.missing[0]
        why = f"no primary was stopped, because a check fails: {one.subject}: {one.evidence}"
        return SkippedTakeover(why=f"{why} (next: redistopo verify)", fault=True)
    victim = _victim(backend.view(), found)
    if not victim:
        return SkippedTakeover(
            why="no primary was stopped, because the items' shard has none", fault=True
        )
    with open_session(SessionRequest(root=backend.root)) as session:
        seen = session.observe(Detail.FULL)
        primaries = tuple(node for node in seen.nodes if node.name == victim)
        return obstacle_to(promotability_of(seen, primaries))


def obstacle_to(primaries: Iterable[Promotability]) -> SkippedTakeover:
    """Return what prevents a takeover from one of these primaries. It is a fault if it is temporary
    (TILT), but not if the topology was created like that, for example without replicas; pure."""
    for primary in primaries:
        for obstacle, hint in primary.obstacles:
            why = f"no primary was stopped, because no replica can take over from {primary.primary}"
            return SkippedTakeover(why=f"{why}: {obstacle} ({hint})", fault=bool(primary.tilted))
    return SkippedTakeover()


_NO_TAKEOVER = {
    Shape.STANDALONE: "no primary was stopped: a standalone server has no replica that takes "
    "over; redistopo init sentinel, or init cluster, creates a topology that has",
    Shape.REPLICATION: "no primary was stopped: in a replication without Sentinels no replica "
    "takes over automatically; redistopo init sentinel, or init cluster, creates a topology that "
    "has automatic failover",
}


def _victim(now: TopologyView, found: tuple[ItemLocation, ...]) -> str:
    """Return the primary of the shard with most of the items; "" if it has none."""
    shard = Counter(one.shard for one in found).most_common(1)[0][0]
    primaries = (one.nodes[0] for one in now.shards if one.name == shard)
    return next((one.name for one in primaries if one.role == Role.PRIMARY), "")


def measure_takeover(
    backend: Backend, cache: CacheAside, found: tuple[ItemLocation, ...], progress: Progress
) -> Takeover:
    """Stop the primary with most of the items, measure the takeover, and start it again always."""
    victim = _victim(backend.view(), found)
    shard = _shard_with(backend, victim).name
    stories: list[Notice] = []
    backend.subscribe(stories.append)
    try:
        with step(progress, f"stop {victim}, the primary with most of the items"):
            backend.act("stop", victim)
        mine = tuple(one for one in found if one.shard == shard)
        probe = _TakeoverProbe(backend=backend, cache=cache, victim=victim, homes=mine)
        with step(progress, "wait until a replica has taken over, while requesting items"):
            probe.wait()
        error_text = _repair(backend, victim, progress)
    except BaseException as ended:  # Ctrl-C too: the stopped node is started again
        with interrupts_deferred():
            error_text = _repair(backend, victim, progress)
        if isinstance(ended, KeyboardInterrupt):
            raise _interrupted(victim, error_text) from ended
        if error_text:
            warn(progress, error_text)
        raise
    return Takeover(
        node=victim,
        heir=probe.new_primary,
        keys=len(mine),
        kept=sum(source is Source.CACHE for source in probe.first.values()),
        promoted=probe.promoted,
        written=probe.written,
        served=probe.served,
        requests=probe.requests,
        degraded=probe.degraded,
        whole=not error_text,
        stories=tuple(story.text for story in stories),
        faults=(*probe.faults(), *((error_text,) if error_text else ())),
    )


def _repair(backend: Backend, victim: str, progress: Progress) -> str:
    """Start all nodes and run every check; return the error, or "". `start` would refuse if no
    replica has taken over yet; `up` waits, and chooses the primary."""
    try:
        with step(progress, f"start {victim} again: redistopo up"):
            up(UpRequest(root=backend.root, seconds=_WHOLE_SECONDS, keep=True), no_progress)
    except RedistopoError as error:
        return f"the topology is not repaired: {error.message}; redistopo up continues"
    return ""


def _interrupted(victim: str, error_text: str) -> Interrupted:
    if error_text:
        return Interrupted(f"interrupted, and {error_text}", hint="redistopo up")
    return Interrupted(
        f"interrupted; {victim}, which was stopped, runs again, and every check passes"
    )


def _shard_with(backend: Backend, node: str) -> ShardView:
    shard = backend.view().shard_with(node)
    if shard is None:
        raise RedistopoError(f"{node} is gone from the topology", hint="redistopo status")
    return shard


@dataclass(slots=True, kw_only=True)
class _TakeoverProbe:
    """The results of requests while a primary is down; times from when it had stopped."""

    backend: Backend
    cache: CacheAside
    victim: str
    homes: tuple[ItemLocation, ...]
    began: float = field(default_factory=time.monotonic)
    first: dict[str, Source] = field(default_factory=dict)
    new_primary: str = ""
    promoted: float | None = None
    written: float | None = None
    served: float | None = None
    requests: int = 0
    degraded: int = 0

    def wait(self) -> None:
        """Wait until a replica is primary, a write is accepted, and each item was served by the
        cache once more; or until the timeout."""
        with suppress(TimedOut):
            deadline = Deadline(self.patience)
            wait_for(self._probe, deadline, lambda: "", pause=0.02, most=0.05)

    @property
    def patience(self) -> float:
        """The timeout in seconds."""
        asked, silent = self.backend.asked, 0
        if asked is not None:
            silent = asked.node_timeout if asked.clustered else asked.down_after
        return _PATIENCE_SECONDS + 3 * silent / 1000

    def faults(self) -> Iterator[str]:
        """Yield every violation of what a failover promises."""
        if self.promoted is None:
            yield f"no replica took over from {self.victim} in {self.patience:g} s"
        elif self.written is None or self.served is None:
            what = "took over, but clients were not served"
            yield f"{self.new_primary} {what} in {self.patience:g} s"
        for id, source in self.first.items():
            if source is not Source.CACHE:
                yield f"item {id} was cached before {self.victim} stopped, and was gone afterwards"

    def _probe(self) -> bool | None:
        leader = _shard_with(self.backend, self.victim).nodes[0]
        if self.promoted is None and leader.up and leader.name != self.victim:
            # a node that accepted a write was primary by then: polls are less frequent
            self.new_primary, self.promoted = leader.name, self.written or self._passed
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
        # a hit before that may come from another replica, of data that the new primary lacks; a
        # miss counts at once, because the next request finds the row cached again
        if self.promoted is not None or served.source is not Source.CACHE:
            self.first.setdefault(id, served.source)

    def _writes(self) -> bool:
        """Return whether the shard accepts a write; it only changes an item's expiry."""
        with suppress(*CLIENT_ERRORS):
            self.backend.writer.expire(self.homes[0].key, KEPT_SECONDS)
            return True
        return False
