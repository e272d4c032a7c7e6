"""The topology that the application plays on: its clients, where keys are, what happens there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

from redistopo.cache_aside import CacheAside, Settings
from redistopo.cache_aside.codec import Row
from redistopo.client.app_clients import CLIENT_ERRORS
from redistopo.client.entry_point import EntryPoint
from redistopo.client.poller import now_iso
from redistopo.demo.clients import Route, Routed, clients
from redistopo.demo.faults import ACTIONS, Breaker
from redistopo.demo.narration import Narrator, Story
from redistopo.demo.placement import Picture, Place, picture
from redistopo.demo.target import entry
from redistopo.drill.interrupted_drill import application_entry
from redistopo.errors import RedistopoError, UsageError
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.slots import slot_of
from redistopo.model.state.observed import Observed, Role
from redistopo.model.topology.spec import Shape
from redistopo.ops.events import Round, Rounds
from redistopo.progress import Progress
from redistopo.session.target import TargetRequest, WatchedTarget, open_target

LOOK_SECONDS = 0.25
"""From one look to the next one: stories are as exact as that."""

_HEADLESS = (
    "nobody leads now, and without Sentinels nobody takes over by itself: redistopo up mends it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRequest:
    """The folder's own topology, or the one at `connect` (HOST:PORT, or a redis:// URL), where
    `access` is for."""

    root: Path
    connect: str = field(default="", repr=False)  # may bear a password
    access: Login = field(default_factory=Login)


class Backend:
    """What the application needs of the topology; for any thread.

    `name` is the topology's, or its address; `own` says whether it is the folder's own, and then
    `asked` is what its topology file asks for.
    `writer` and `reader` are redis-py's clients: see demo.clients. `actions` are what `act`
    can do: nothing to servers that aren't ours to break. `trouble` says why there is nothing to
    look at, "" where there is.
    """

    def __init__(self, request: BackendRequest, topology: WatchedTarget, rounds: Rounds) -> None:
        self.name = topology.name
        self.root = request.root
        self.own = not request.connect
        self.asked = topology.asked
        self.actions: tuple[str, ...] = ACTIONS if self.own else ()
        self._topology = topology
        self._rounds = rounds
        self._way: EntryPoint | None = None
        self._picture = Picture()
        self._wake = Event()
        self.trouble = ""
        self._breaker = Breaker(request.root)
        self._told: list[Callable[[Story], object]] = []
        self._degraded: Callable[[], int] = lambda: 0
        self._narrator = Narrator({})
        seen = self._begin(topology)
        self.shape = seen.shape.value
        self._way = way = _way(topology, seen)
        data = sum(not node.watcher for node in seen.nodes)
        self._clients = clients(replace(way, today=lambda: self._way or way), self._route, data)
        self.writer: Any = self._clients.writer
        self.reader: Any = self._clients.reader

    def shard_of(self, key: str) -> str:
        """The name of the shard that a key is in; "" where there are no slots, or none owns it."""
        now = self._picture
        shard = now.shard_of(slot_of(key)) if now.shape is Shape.CLUSTER else None
        return shard.name if shard else ""

    def place(self, key: str) -> Place:
        """Where a read of that key goes: in a cluster by the client's own slot table; where
        replicas are read from, to whoever served this thread's last read."""
        now = self._picture
        slot = slot_of(key) if now.shape is Shape.CLUSTER else None
        if isinstance(self.reader, Routed):
            address = self.reader.served
        elif slot is None:
            address = next((one.address for one in now.data), None)
        else:
            try:
                node = self.reader.get_node_from_key(key.encode("utf-8", "surrogatepass"))
            except CLIENT_ERRORS:  # no node owns that slot
                node = None
            address = Endpoint(node.host, node.port) if node else None
        drawn = now.at(address) if address else None
        if drawn is None:
            return Place(slot=slot, node=str(address) if address else "", role="unknown")
        return Place(slot=slot, node=drawn.name if drawn.up else "", role=drawn.role)

    def picture(self) -> Picture:
        """The topology as the last look found it."""
        return self._picture

    def view(self) -> dict[str, object]:
        """The same as the page is sent it."""
        return self._picture.message(self.trouble)

    def follow(self, told: Callable[[Story], object]) -> None:
        """From now on each story is told, by whichever thread; it must neither block nor raise."""
        self._told.append(told)

    def cache(
        self, load: Callable[[str], Row | None], *, ttl: float, settings: Settings
    ) -> CacheAside:
        """A cache before `load`, on this topology; the stories tell how many of its requests
        were served without it."""
        made = CacheAside(
            self.writer,
            load,
            reader=self.reader,
            ttl=ttl,
            shard_of=self.shard_of,
            settings=settings,
        )
        self._degraded = lambda: made.stats.counts().degraded
        return made

    def act(self, verb: str, node: str) -> str:
        """That verb was done to that node; what was done, in plain words. What was asked for, and
        what comes of it, are stories.

        Raises UsageError for servers that aren't ours, and RedistopoError as the verbs do.
        """
        if not self.own:
            raise UsageError(
                f"{self.name} isn't ours to break",
                hint="redistopo demo in a folder of your own: redistopo init cluster; redistopo up",
            )
        try:
            done = self._breaker.act(verb, node, self._picture, partial(self._say, "asked"))
            _, _, then = done.partition("; ")
            if then:
                self._say("info", then)
            return done
        finally:
            self._wake.set()  # who leads may be another one: clients shouldn't learn it late

    def finish(self, progress: Progress) -> None:
        """No action is under way any more, and none begins; told, where that takes a moment."""
        self._breaker.finish(progress)

    def look_on(self, ended: Event) -> None:
        """Looks again and again until it is ended: the picture is new, what happened is told."""
        try:
            while not ended.is_set():
                try:
                    self._look()
                except RedistopoError as error:  # such as a file that is being written
                    self.trouble = error.message
                self._wake.wait(LOOK_SECONDS)
                self._wake.clear()
        finally:
            # what stands in the picture from now on may be wrong
            self.trouble = "nobody looks at the topology any more"

    def close(self) -> None:
        """The looking ends soon, and no connection of the clients is left."""
        self._wake.set()
        self._clients.close()

    def _begin(self, topology: WatchedTarget) -> Observed:
        found = self._look()
        if found.seen is None:
            raise topology.trouble or RedistopoError(f"{self.name} is nowhere to be seen")
        able = [one for one in found.seen.answering if one.role is not Role.SENTINEL]
        if not able:
            lines = [f"{one.name}: {one.error or one.role}" for one in found.seen.nodes]
            raise RedistopoError(
                f"no node of {self.name} answers",
                detail="\n".join(lines),
                hint="start it: redistopo up" if self.own else "is it running there?",
            )
        return found.seen

    def _look(self) -> Round:
        began = now_iso()
        found = self._rounds.next()
        self.trouble = found.trouble.message if found.trouble else ""
        known = self._rounds.known
        if found.seen is None or known is None:
            self._picture = Picture(shape=self._picture.shape, names=self._picture.names)
            return found
        before, self._picture = self._picture, picture(found.seen, known, self._picture)
        self._narrator.ports = {node.name: node.port for node in found.seen.nodes}
        stories = self._narrator.progress(known, found.news, self._degraded(), began)
        for story in (*stories, *self._rekeyed(found.seen)):
            self._tell(story)
        if self.own and before.leader() and self._picture.headless:
            self._say("info", _HEADLESS)
        return found

    def _say(self, level: str, text: str) -> None:
        self._tell(Story(at=now_iso(), level=level, text=text))

    def _tell(self, story: Story) -> None:
        for told in self._told:
            told(story)

    def _rekeyed(self, seen: Observed) -> Iterator[Story]:
        """Connections that are made from now on come in with today's passwords: those of the
        folder, which a rotation changes, and a wipe. Those that are open stay as they are."""
        before = self._way
        if before is None or not self.own:
            return
        try:
            now = _way(self._topology, seen)
        except RedistopoError:  # a file that is being written: the next look reads it
            return
        if now.door is not before.door:  # no Sentinel answers, so it can't be said how they would
            return
        self._way = now
        if now.access != before.access:
            text = "the password was changed: the application read the new one"
            yield Story(at=now_iso(), level="changed", text=text)

    def _route(self) -> Route:
        now = self._picture
        leader = now.leader()
        return Route(
            leader.address if leader else None, tuple(one.address for one in now.replicas())
        )


@contextmanager
def open_backend(request: BackendRequest) -> Iterator[Backend]:
    """The stage, looked at in the background until this ends; then no thread and no connection
    of it is left.

    Raises UsageError without a topology file or for an address that is none, AccessDenied for
    a password that isn't accepted, RedistopoError where no node answers.
    """
    address, access = entry(request.connect, request.access) if request.connect else ("", None)
    asked = TargetRequest(
        root=request.root, connect=address, access=access or request.access, remembers=True
    )
    with open_target(asked) as topology:
        live = Backend(request, topology, Rounds(topology))
        ended = Event()
        looking = Thread(target=live.look_on, args=(ended,), name="stage", daemon=True)
        looking.start()
        try:
            yield live
        finally:
            ended.set()
            live.close()
            looking.join()


def _way(topology: WatchedTarget, seen: Observed) -> EntryPoint:
    keys = topology.credentials
    if keys.application is None:
        raise UsageError(
            "the application's password is not known here",
            hint="set REDISTOPO_PASSWORD as it was for redistopo up",
        )
    return application_entry(seen, keys)
