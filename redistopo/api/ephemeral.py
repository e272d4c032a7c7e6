"""Ephemeral topologies: started for a block of a program, and gone after it."""

from collections.abc import Mapping
from threading import Event, Lock
from types import TracebackType
from typing import TYPE_CHECKING, TypedDict, Unpack

from redistopo.api.topology import Topology
from redistopo.progress import Progress, no_progress

if TYPE_CHECKING:
    from redistopo.ops.ephemeral import EphemeralServers

Setting = str | int | bool


class More(TypedDict, total=False):
    """Options that all shapes have in common; all of them are optional.

    `auth`: require a generated password (True). `persistence`: none, aof or rdb (none). `port`: the
    first port (a free block). `node_timeout`: of cluster nodes, and `down_after` of Sentinels, in
    ms. `timeout`: the time limit of the start, in seconds (60). `keep`: leave the servers running
    and the folder where it is. `progress`: is called with each event.
    """

    auth: bool
    persistence: str
    port: int
    node_timeout: int
    down_after: int
    timeout: float
    keep: bool
    progress: Progress


class Ephemeral:
    """A context manager, also for `async with`: the topology exists inside the block only.

    Its folder is in the temporary directory, its ports are a free block. It is verified before the
    block begins. Whatever ends the program, also SIGKILL, ends the servers within 2 seconds.
    """

    def __init__(
        self, shape: str, keys: Mapping[str, object], settings: tuple[str, ...], more: More
    ) -> None:
        self._request = (shape, keys, settings)
        self._more = more
        self._servers: EphemeralServers | None = None
        self._starting = Lock()

    def __enter__(self) -> Topology:
        """Start the topology; on failure nothing of it is left."""
        from redistopo.ops.ephemeral import EphemeralRequest, start_ephemeral

        if self._servers is not None:
            raise RuntimeError("this topology exists already: create another one")
        shape, keys, settings = self._request
        seconds = self._more.get("timeout", 60.0)
        request = EphemeralRequest(shape=shape, keys=keys, settings=settings, seconds=seconds)
        progress = self._more.get("progress", no_progress)
        self._servers = start_ephemeral(request, progress)
        return Topology(self._servers.folder, progress)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the servers and remove the folder, unless `keep`."""
        self.end(keep=self._more.get("keep", False))

    async def __aenter__(self) -> Topology:
        """Start the topology in a thread; cancelled, it returns when nothing of it is left."""
        import asyncio

        cancelled = Event()
        try:
            return await asyncio.to_thread(self._start, cancelled)
        except asyncio.CancelledError:
            # not a task: a second cancellation, or the loop's end, must not reach it
            loop = asyncio.get_running_loop()
            await asyncio.shield(loop.run_in_executor(None, self._give_up, cancelled))
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it in a thread."""
        import asyncio

        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def _start(self, cancelled: Event) -> Topology:
        """Start the topology, unless this was given up before its thread began."""
        with self._starting:
            if cancelled.is_set():
                raise RuntimeError("the start of this topology was cancelled")
            return self.__enter__()

    def _give_up(self, cancelled: Event) -> None:
        """End what a start in another thread leaves, when it has ended: that can't be cancelled."""
        cancelled.set()
        with self._starting:
            self.end()

    def end(self, *, keep: bool = False) -> None:
        """End the servers and remove the folder, or leave both to the user with `keep`."""
        servers, self._servers = self._servers, None
        if servers is not None:
            servers.end(keep=keep)


def cluster(
    shards: int = 3,
    replicas: int = 1,
    *,
    engine: str | None = None,
    acl: bool = False,
    tls: bool = False,
    settings: Mapping[str, Setting] | None = None,
    **more: Unpack[More],
) -> Ephemeral:
    """Return an ephemeral Redis Cluster, for `with` or `async with`.

    `engine` is a version ("7.2", "valkey 9") or a path, `settings` are redis.conf directives, `acl`
    creates users with least privilege, `tls` requires TLS; `more` see `More`.
    """
    keys = {"shards": shards, "replicas": replicas}
    return _ephemeral("cluster", {**keys, **_security(engine, acl, tls)}, settings, more)


def replication(
    replicas: int = 2,
    *,
    engine: str | None = None,
    acl: bool = False,
    tls: bool = False,
    settings: Mapping[str, Setting] | None = None,
    **more: Unpack[More],
) -> Ephemeral:
    """Return an ephemeral primary with replicas; the options are those of `cluster`."""
    keys = {"replicas": replicas, **_security(engine, acl, tls)}
    return _ephemeral("replication", keys, settings, more)


def sentinel(
    replicas: int = 2,
    sentinels: int = 3,
    *,
    engine: str | None = None,
    acl: bool = False,
    tls: bool = False,
    settings: Mapping[str, Setting] | None = None,
    **more: Unpack[More],
) -> Ephemeral:
    """Return an ephemeral primary with replicas and Sentinels, which know it as `mymaster`; the
    options are those of `cluster`."""
    keys = {"replicas": replicas, "sentinels": sentinels, **_security(engine, acl, tls)}
    return _ephemeral("sentinel", keys, settings, more)


def standalone(
    *,
    engine: str | None = None,
    acl: bool = False,
    tls: bool = False,
    settings: Mapping[str, Setting] | None = None,
    **more: Unpack[More],
) -> Ephemeral:
    """Return an ephemeral standalone server; the options are those of `cluster`."""
    return _ephemeral("standalone", _security(engine, acl, tls), settings, more)


def _security(engine: str | None, acl: bool, tls: bool) -> dict[str, object]:
    found: dict[str, object] = {name: True for name, on in (("acl", acl), ("tls", tls)) if on}
    return found | ({"engine": engine} if engine else {})


def _ephemeral(
    shape: str, keys: Mapping[str, object], settings: Mapping[str, Setting] | None, more: More
) -> Ephemeral:
    if unknown := more.keys() - More.__annotations__.keys():
        raise TypeError(f"{shape}() got an unexpected keyword argument {sorted(unknown)[0]!r}")
    own = {name: more[name] for name in _KEYS if name in more}  # type: ignore[literal-required]
    lines = tuple(f"{name}={_text(value)}" for name, value in (settings or {}).items())
    return Ephemeral(shape, {**keys, **own}, lines, more)


_KEYS = ("auth", "persistence", "port", "node_timeout", "down_after")


def _text(value: Setting) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
