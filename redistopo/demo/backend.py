"""The topology behind the application: clients, key locations, notices and node actions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

from redistopo.cache_aside import CacheAside, Settings
from redistopo.cache_aside.codec import Row
from redistopo.client.app_clients import CLIENT_ERRORS
from redistopo.client.app_entry_point import EntryPoint
from redistopo.demo.notices import Notice, NoticeWriter
from redistopo.demo.page_actions import ACTIONS, PageActions
from redistopo.demo.redis_clients import Route, RoutedClient, make_clients
from redistopo.demo.topology_view import KeyLocation, TopologyView, topology_view
from redistopo.drill.interrupted_drill import application_entry
from redistopo.errors import RedistopoError, UsageError
from redistopo.model.protocol.connect_url import parse_connect_url
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.slots import slot_of
from redistopo.model.state.observed import Observed, Role
from redistopo.model.topology.spec import Shape
from redistopo.ops.events import Round, Rounds
from redistopo.progress import Progress
from redistopo.quick_dataclass import dataclass
from redistopo.session.watched_topology import TargetRequest, WatchedTarget, open_target

POLL_SECONDS = 0.25
"""The polling interval; notices are as exact as that."""

_NO_PRIMARY = (
    "no node is primary, and without Sentinels no replica takes over: redistopo up repairs it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRequest:
    """The folder's own topology, or the one at `connect` (HOST:PORT, or a redis:// URL), which
    `access` is for."""

    root: Path
    connect: str = field(default="", repr=False)  # may contain a password
    access: Login = field(default_factory=Login)


class Backend:
    """What the application needs of the topology; thread-safe.

    `name` is the topology's, or its address; `own` is whether it is the folder's own, and then
    `asked` is its topology file. `writer` and `reader` are redis-py clients: see
    demo.redis_clients. `actions` are what `act` can do: nothing on servers of another owner.
    `trouble` is why the topology can't be polled, "" if it can.
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
        self._view = TopologyView()
        self._wake = Event()
        self.trouble = ""
        self._actions = PageActions(request.root)
        self._receivers: list[Callable[[Notice], object]] = []
        self._degraded: Callable[[], int] = lambda: 0
        self._notice_writer = NoticeWriter({})
        seen = self._begin(topology)
        self.shape = seen.shape.value
        self._way = way = _entry_point(topology, seen)
        data = sum(not node.is_sentinel for node in seen.nodes)
        self._clients = make_clients(
            replace(way, current=lambda: self._way or way), self._route, data
        )
        self.writer: Any = self._clients.writer
        self.reader: Any = self._clients.reader

    def shard_of(self, key: str) -> str:
        """Return the name of a key's shard; "" without slots, or if no node owns the slot."""
        now = self._view
        shard = now.shard_of(slot_of(key)) if now.shape is Shape.CLUSTER else None
        return shard.name if shard else ""

    def place(self, key: str) -> KeyLocation:
        """Return where a key is read: in a cluster by the client's own slot table; if replicas
        are read from, the node that served this thread's last read."""
        now = self._view
        slot = slot_of(key) if now.shape is Shape.CLUSTER else None
        if isinstance(self.reader, RoutedClient):
            address = self.reader.served
        elif slot is None:
            address = next((one.address for one in now.data), None)
        else:
            try:
                node = self.reader.get_node_from_key(key.encode("utf-8", "surrogatepass"))
            except CLIENT_ERRORS:  # no node owns that slot
                node = None
            address = Endpoint(node.host, node.port) if node else None
        view = now.node_at(address) if address else None
        if view is None:
            return KeyLocation(slot=slot, node=str(address) if address else "", role="unknown")
        return KeyLocation(slot=slot, node=view.name if view.up else "", role=view.role)

    def view(self) -> TopologyView:
        """Return the topology as last polled."""
        return self._view

    def subscribe(self, receive: Callable[[Notice], object]) -> None:
        """Pass each further notice to `receive`, from any thread; it must not block or raise."""
        self._receivers.append(receive)

    def cache(
        self, load: Callable[[str], Row | None], *, ttl: float, settings: Settings
    ) -> CacheAside:
        """Return a cache in front of `load`, on this topology; the notices report how many of its
        requests were served without it."""
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
        """Apply an action to a node; return what was done, in plain words.

        Request and consequences become notices. Raises UsageError on servers of another owner,
        and RedistopoError as the verbs do.
        """
        if not self.own:
            raise UsageError(
                f"{self.name} belongs to another owner: the demo changes nothing there",
                hint="redistopo demo in a folder of your own: redistopo init cluster; redistopo up",
            )
        try:
            done = self._actions.act(verb, node, self._view, partial(self._notify, "asked"))
            _, _, then = done.partition("; ")
            if then:
                self._notify("info", then)
            return done
        finally:
            self._wake.set()  # the primary may have changed: clients should learn it soon

    def finish(self, progress: Progress) -> None:
        """Wait for the action in progress, and allow no more; note it if that takes a moment."""
        self._actions.finish(progress)

    def poll(self, ended: Event) -> None:
        """Poll until `ended` is set: update the view, and write notices."""
        try:
            while not ended.is_set():
                try:
                    self._poll()
                except RedistopoError as error:  # for example a file that is being written
                    self.trouble = error.message
                self._wake.wait(POLL_SECONDS)
                self._wake.clear()
        finally:
            # from now on the view may be wrong
            self.trouble = "the topology is not polled any more"

    def close(self) -> None:
        """End the polling soon, and close the clients' connections."""
        self._wake.set()
        self._clients.close()

    def _begin(self, topology: WatchedTarget) -> Observed:
        found = self._poll()
        if found.seen is None:
            raise topology.trouble or RedistopoError(f"{self.name} is not found")
        able = [one for one in found.seen.answering if one.role is not Role.SENTINEL]
        if not able:
            lines = [f"{one.name}: {one.error or one.role}" for one in found.seen.nodes]
            raise RedistopoError(
                f"no node of {self.name} replies",
                detail="\n".join(lines),
                hint="start it: redistopo up" if self.own else "is it running?",
            )
        return found.seen

    def _poll(self) -> Round:
        began = datetime.now(UTC)
        found = self._rounds.next()
        self.trouble = found.trouble.message if found.trouble else ""
        known = self._rounds.known
        if found.seen is None or known is None:
            self._view = TopologyView(shape=self._view.shape, names=self._view.names)
            return found
        before, self._view = self._view, topology_view(found.seen, known, self._view)
        self._notice_writer.ports = {node.name: node.port for node in found.seen.nodes}
        notices = self._notice_writer.write(known, found.news, self._degraded(), began)
        for notice in (*notices, *self._refresh_login(found.seen)):
            self._publish(notice)
        if self.own and before.primary() and self._view.stays_without_primary:
            self._notify("info", _NO_PRIMARY)
        return found

    def _notify(self, level: str, text: str) -> None:
        self._publish(Notice(at=datetime.now(UTC), level=level, text=text))

    def _publish(self, notice: Notice) -> None:
        for receive in self._receivers:
            receive(notice)

    def _refresh_login(self, seen: Observed) -> Iterator[Notice]:
        """Use the folder's current passwords, which a rotation or a wipe changes, for new
        connections; open connections stay as they are."""
        before = self._way
        if before is None or not self.own:
            return
        try:
            now = _entry_point(self._topology, seen)
        except RedistopoError:  # a file that is being written: the next poll reads it
            return
        if now.kind is not before.kind:  # no Sentinel replies, so the entry point is incomplete
            return
        self._way = now
        if now.access != before.access:
            text = "the password was changed: the application uses the new one"
            yield Notice(at=datetime.now(UTC), level="changed", text=text)

    def _route(self) -> Route:
        now = self._view
        leader = now.primary()
        return Route(
            leader.address if leader else None, tuple(one.address for one in now.replicas())
        )


@contextmanager
def open_backend(request: BackendRequest) -> Iterator[Backend]:
    """Open the topology and poll it in the background; on exit, end all threads and connections.

    Raises UsageError without a topology file or for an invalid address, AccessDenied for a wrong
    password, RedistopoError if no node replies.
    """
    address, access = (
        parse_connect_url(request.connect, request.access) if request.connect else ("", None)
    )
    asked = TargetRequest(
        root=request.root, connect=address, access=access or request.access, remembers=True
    )
    with open_target(asked) as topology:
        backend = Backend(request, topology, Rounds(topology))
        ended = Event()
        polling = Thread(target=backend.poll, args=(ended,), name="demo-poll", daemon=True)
        polling.start()
        try:
            yield backend
        finally:
            ended.set()
            backend.close()
            polling.join()


def _entry_point(topology: WatchedTarget, seen: Observed) -> EntryPoint:
    credentials = topology.credentials
    if credentials.application is None:
        raise UsageError(
            "the application's password is unknown here",
            hint="set REDISTOPO_PASSWORD to the value that redistopo up used",
        )
    return application_entry(seen, credentials)
