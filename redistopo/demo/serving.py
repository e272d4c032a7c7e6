"""`demo`: a web application with a cache before its database serves until it is interrupted."""

import errno
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from redistopo.demo.cache_aside import CacheAside, Settings
from redistopo.demo.database import DatabaseAway, Items
from redistopo.demo.guard import loopback
from redistopo.demo.stage import Stage, StageRequest, stage
from redistopo.demo.story import Story
from redistopo.demo.stream import MOST_STREAMS, Hub
from redistopo.errors import MachineLacks, WrongRequest
from redistopo.events import Tell, warn
from redistopo.ops.project import layout_of, load
from redistopo.world.files import absolute, write_private
from redistopo.world.ports import holder

if TYPE_CHECKING:
    from flask import Flask

    from redistopo.demo.app import Parts

_WORKERS = 32
"""Threads beside those that event streams hold: so many slow reads of the database at once."""

_CONNECTIONS = 1000
"""Of both kinds; above that the system lets new ones wait."""

_IDLE_SECONDS = 30
"""A connection that asks nothing for so long is closed."""

_BUFFERED = 64 * 1024
"""Bytes that wait for a slow reader; then its thread waits, and its inbox drops what is old."""


_LARGEST_BODY = 1024 * 1024
"""Bytes that are read at all; the application takes far fewer."""

_CLAIMED = 5.0
"""Seconds on top of a slow read of the database, after which its reader counts as dead."""

_LAST_SECONDS = 2.0
"""At the end requests under way have so long to be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRequest:
    """On what to play, and where to serve. `ttl` and `delay` are seconds: of a row in the
    cache, and of a read of the database, which is a file at `database` (None: the folder's
    own; with the stage elsewhere, one that is removed at the end)."""

    stage: StageRequest
    host: str = "127.0.0.1"
    port: int = 5000
    ttl: float = 60.0
    delay: float = 2.0
    database: Path | None = None


def demo(request: DemoRequest, tell: Tell, ready: Callable[[str], object]) -> None:
    """The application served, from `ready` with its URL until KeyboardInterrupt, which passes
    through; then nothing of it runs or listens any more.

    Raises MachineLacks where the extra isn't installed or the port is taken, WrongRequest
    without a topology file, and what `stage` raises where no topology runs.
    """
    require_extra()
    from redistopo.demo.app import make_app

    if not loopback(request.host):
        warn(
            tell,
            f"{request.host} can be reached from other machines: whoever opens the page can "
            "read and change the items, and break the topology's nodes",
        )
    with ExitStack() as stack:
        live = stack.enter_context(stage(request.stage))
        items = stack.enter_context(_items(request))
        parts = stack.enter_context(_parts(request, live, items))
        _serve(make_app(parts), request, parts.hub, ready)


def require_extra() -> None:
    """Raises MachineLacks where what the demo serves with isn't installed."""
    for package in ("flask", "prometheus_client", "waitress"):
        try:
            import_module(package)
        except ImportError as error:
            raise MachineLacks(
                f"redistopo demo needs {error.name}, which isn't installed",
                hint="pip install 'redistopo[demo]'",
            ) from error


def url(host: str, port: int) -> str:
    """What one types into a browser."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  every address
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{port}"


@contextmanager
def _items(request: DemoRequest) -> Iterator[Items]:
    """The rows, where there were none before; raises MachineLacks where the file can't be used."""
    with _database(request) as path:
        try:
            yield Items.seeded(path, request.delay)
        except DatabaseAway as error:
            raise MachineLacks(
                "the demo's database can't be used",
                detail=f"{path}: {error}",
                hint="move that file away, and it is made anew; or name another: --database FILE",
            ) from error


@contextmanager
def _database(request: DemoRequest) -> Iterator[Path]:
    """Where its file is, for us alone; one that the user names may not be there yet."""
    if request.database is not None:
        yield absolute(request.database)
    elif request.stage.connect:
        with TemporaryDirectory(prefix="redistopo-demo-") as folder:
            yield Path(folder, "demo.sqlite")
    else:
        path = layout_of(request.stage.root).database
        if not path.exists():
            write_private(path, "")  # an empty file is an empty database
        yield path


@contextmanager
def _parts(request: DemoRequest, live: Stage, items: Items) -> Iterator["Parts"]:
    """All that the application is made of, at work."""
    from redistopo.demo.app import Parts
    from redistopo.demo.desk import Desk, Ears
    from redistopo.demo.latencies import Latencies
    from redistopo.demo.metrics import Metrics
    from redistopo.demo.state import State
    from redistopo.demo.traffic import Traffic

    cache = CacheAside(
        live.writer,
        items.load,
        reader=live.reader,
        ttl=request.ttl,
        shard_of=live.shard_of,
        settings=Settings(claim_seconds=_CLAIMED + 2 * request.delay),
    )
    live.count_degraded(lambda: cache.stats.counts().degraded)
    latencies = Latencies()
    state = State(live, cache, latencies, request.delay)
    hub = Hub(state.message)
    metrics = Metrics(cache, lambda: hub.listening)
    desk = Desk(cache, live.place, Ears(latencies=latencies, took=metrics.took, served=hub.served))
    state.traffic = traffic = Traffic(desk.ask, items.ids())
    live.follow(lambda story: hub.story(_plain(story)))
    own = "" if request.stage.connect else load(request.stage.root).topology.templates
    try:
        yield Parts(
            host=request.host, token=secrets.token_urlsafe(32), templates=own, cache=cache,
            items=items, desk=desk, hub=hub, traffic=traffic, metrics=metrics,
            actions=live.actions, act=live.act,
        )  # fmt: skip
    finally:
        hub.close()
        traffic.close()


def _plain(story: Story) -> dict[str, object]:
    at = story.at.isoformat(timespec="milliseconds")
    return {"at": at, "level": story.level, "text": story.text}


def _serve(app: "Flask", request: DemoRequest, hub: Hub, ready: Callable[[str], object]) -> None:
    """Until interrupted; waitress' own `run` would swallow that, and wait for our streams."""
    from waitress import wasyncore

    sockets: dict[int, Any] = {}
    server = _listening(app, request, sockets)
    try:
        ready(url(request.host, server.effective_port))
        wasyncore.loop(timeout=1, use_poll=True, map=sockets)
    finally:
        hub.close()  # each stream holds a thread that the dispatcher waits for
        server.task_dispatcher.shutdown(timeout=_LAST_SECONDS)
        wasyncore.close_all(sockets)


def _listening(app: "Flask", request: DemoRequest, sockets: dict[int, Any]) -> Any:
    """waitress' server; raises MachineLacks, or WrongRequest for a host that is none."""
    from waitress.server import create_server

    # it warns of requests that wait, and of threads that are at work when it ends
    logging.getLogger("waitress").setLevel(logging.ERROR)
    literal = f"[{request.host}]" if ":" in request.host else request.host
    try:
        return create_server(
            app,
            map=sockets,
            listen=f"{literal}:{request.port}",
            ident="redistopo",
            threads=_WORKERS + MOST_STREAMS,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE_SECONDS,
            cleanup_interval=10,
            # a stream's reader that hangs up is noticed at once, not at the next message
            channel_request_lookahead=1,
            outbuf_high_watermark=_BUFFERED,
            max_request_body_size=_LARGEST_BODY,
            clear_untrusted_proxy_headers=True,
        )
    except ValueError as error:  # what its settings say of a name that leads nowhere
        raise WrongRequest(
            f"{request.host} is no host to serve on", hint="leave --host out, or give an address"
        ) from error
    except OSError as error:
        raise _refused(request, error) from error


def _refused(request: DemoRequest, error: OSError) -> MachineLacks:
    where = f"{request.host}:{request.port}"
    if error.errno == errno.EADDRINUSE:
        return MachineLacks(
            f"port {request.port} is held by {holder(request.port)}",
            hint=f"serve on another one: redistopo demo --port {request.port + 1}",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return MachineLacks(
            f"this machine has no address {request.host}", hint="leave --host out: 127.0.0.1"
        )
    return MachineLacks(
        f"can't listen on {where}",
        detail=error.strerror or str(error),
        hint="a port below 1024 may need privileges: choose a higher --port",
    )
