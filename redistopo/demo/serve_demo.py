"""`demo`: serves a web application with a cache in front of its database until interrupted."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from redistopo.cache_aside import Settings
from redistopo.demo.backend import Backend, BackendRequest, open_backend
from redistopo.demo.database import DatabaseAway, Items
from redistopo.demo.event_stream import EventHub
from redistopo.demo.healthz import health
from redistopo.demo.input_limits import MAX_TTL, MIN_TTL, require_delay
from redistopo.demo.notices import Notice
from redistopo.demo.request_guard import loopback
from redistopo.demo.web_server import listening
from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.host.files import absolute, write_errors
from redistopo.host.package_managers import detect_machine, extra_packages
from redistopo.host.peer_user import SHOWN
from redistopo.host.safe_open import open_to_write
from redistopo.model.planning.install_recipe import command_for
from redistopo.model.protocol.endpoint import format_address
from redistopo.progress import Progress, warn
from redistopo.project.load import layout_of_folder
from redistopo.quick_dataclass import dataclass

if TYPE_CHECKING:
    from redistopo.demo.app_context import AppContext

_OPEN_TO_OTHERS = (
    "can be reached from other machines, by an IP address of this one and not by its name: anyone "
    "who opens the page can read and change the items, and stop the topology's nodes"
)

_OTHER_USERS = (
    "other users of this machine can open the page, too, and use its buttons: this system doesn't "
    "tell who connects"
)

_ELSEWHERE = "redistopo-demo"
"""Key prefix on servers of another owner."""

_CLAIMED = 5.0
"""Seconds on top of a slow database read, after which its reader is considered dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRequest:
    """Which topology to use, and where to serve. `ttl` and `delay` are seconds: of a row in the
    cache, and of a database read. `database` is a file (None: the folder's own; for a topology
    elsewhere, a temporary file)."""

    backend: BackendRequest
    host: str = "127.0.0.1"
    port: int = 5000
    ttl: float = 60.0
    delay: float = 2.0
    database: Path | None = None


def demo(request: DemoRequest, progress: Progress, ready: Callable[[str], object]) -> None:
    """Serve the application, from `ready` with its URL until KeyboardInterrupt, which passes
    through; then stop everything.

    Raises MissingPrerequisite if the extra isn't installed or the port is taken, UsageError
    without a topology file, and what `backend` raises if no topology runs.
    """
    require_extra()
    from redistopo.demo.app import make_app

    _check_ttl_and_delay(request)
    with ExitStack() as stack:
        backend = stack.enter_context(open_backend(request.backend))
        items = stack.enter_context(_items(request))
        context = stack.enter_context(_app_context(request, backend, items))
        try:
            with listening(make_app(context), context.hub, request.host, request.port) as server:
                if not loopback(request.host):
                    warn(progress, f"{request.host} {_OPEN_TO_OTHERS}")
                elif not SHOWN:
                    warn(progress, _OTHER_USERS)
                ready(url(request.host, server.port))
                server.serve()
        finally:
            backend.finish(progress)


def require_extra() -> None:
    """Raise MissingPrerequisite if the packages of the extra are not installed."""
    for package in ("flask", "prometheus_client", "waitress"):
        try:
            import_module(package)
        except ImportError as error:
            raise MissingPrerequisite(
                f"redistopo demo needs {error.name}, which isn't installed",
                hint=command_for(detect_machine(), extra_packages("demo")),
            ) from error


def _check_ttl_and_delay(request: DemoRequest) -> None:
    if not MIN_TTL <= request.ttl <= MAX_TTL:
        raise UsageError(
            f"a TTL of {request.ttl:g} s is out of range",
            hint=f"--ttl from {MIN_TTL:g} s to {MAX_TTL:g} s",
        )
    require_delay(request.delay)


def url(host: str, port: int) -> str:
    """Return the URL to open in a browser."""
    every = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}  # noqa: S104  not bound to
    name = every.get(host, host).strip("[]")
    return f"http://{format_address(name, port)}"


@contextmanager
def _items(request: DemoRequest) -> Iterator[Items]:
    """Yield the rows, seeded if empty; raise MissingPrerequisite if the file can't be used."""
    with _database(request) as path:
        try:
            yield Items.seeded(path, request.delay)
        except DatabaseAway as error:
            raise MissingPrerequisite(
                "the demo's database can't be used",
                detail=f"{path}: {error}",
                hint="name another file, which is created if missing: --database FILE",
            ) from error


@contextmanager
def _database(request: DemoRequest) -> Iterator[Path]:
    """Yield the path of the file, private to this user; a named file may not exist yet."""
    if request.database is not None:
        yield absolute(request.database)
    elif request.backend.connect:
        with TemporaryDirectory(prefix="redistopo-demo-") as folder:
            yield Path(folder, "demo.sqlite")
    else:
        path = layout_of_folder(request.backend.root).database
        with write_errors(path):
            os.close(open_to_write(path, os.O_RDWR))  # an empty file is an empty database
        yield path


@contextmanager
def _app_context(request: DemoRequest, backend: Backend, items: Items) -> Iterator["AppContext"]:
    """Yield everything that the application is made of, running."""
    from redistopo.demo.app_context import AppContext
    from redistopo.demo.item_service import ItemService, Listeners
    from redistopo.demo.latencies import Latencies
    from redistopo.demo.metrics import Metrics
    from redistopo.demo.page_state import PageState
    from redistopo.demo.request_generator import RequestGenerator

    patient = Settings(
        # data:* on servers of another owner is not the demo's to fill or clear
        prefix=_ELSEWHERE if request.backend.connect else "data",
        claim_seconds=_CLAIMED + 2 * request.delay,
    )
    cache = backend.cache(items.load, ttl=request.ttl, settings=patient)
    latencies = Latencies()
    state = PageState(backend, cache, latencies, request.delay)
    hub = EventHub(state.message)
    metrics = Metrics(cache, lambda: hub.open_streams)
    service = ItemService(
        cache, backend.place, Listeners(latencies=latencies, took=metrics.took, served=hub.served)
    )
    state.traffic = traffic = RequestGenerator(service.ask, items.ids())

    def publish(notice: Notice) -> None:
        at = notice.at.isoformat(timespec="milliseconds")
        hub.notice({"at": at, "level": notice.level, "text": notice.text})

    backend.subscribe(publish)
    own = backend.asked.templates if backend.asked else ""
    try:
        yield AppContext(
            host=request.host, token=secrets.token_urlsafe(32), templates=own, cache=cache,
            items=items, service=service, hub=hub, traffic=traffic, metrics=metrics,
            health=lambda: health(items, cache, backend.view().id_in_each_shard(cache.key)),
            actions=backend.actions, act=backend.act,
        )  # fmt: skip
    finally:
        hub.close()
        traffic.close()
