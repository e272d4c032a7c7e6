"""`demo`: a web application with a cache before its database serves until it is interrupted."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from redistopo.cache_aside import Settings
from redistopo.demo.backend import Backend, BackendRequest, open_backend
from redistopo.demo.bounds import LONGEST_TTL, SHORTEST_TTL, require_delay
from redistopo.demo.database import DatabaseAway, Items
from redistopo.demo.event_stream import Hub
from redistopo.demo.health import health
from redistopo.demo.narration import Story
from redistopo.demo.request_guard import loopback
from redistopo.demo.web_server import listening
from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.host.files import absolute, write_errors
from redistopo.model.protocol.endpoint import format_address
from redistopo.progress import Progress, warn
from redistopo.project.load import layout_of_folder

if TYPE_CHECKING:
    from redistopo.demo.context import AppContext

_OPEN_TO_OTHERS = (
    "can be reached from other machines, by an IP address of this one and not by its name: whoever "
    "opens the page can read and change the items, and break the topology's nodes"
)

_ELSEWHERE = "redistopo-demo"
"""Begins the keys on servers that aren't ours."""

_CLAIMED = 5.0
"""Seconds on top of a slow read of the database, after which its reader counts as dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRequest:
    """On what to play, and where to serve. `ttl` and `delay` are seconds: of a row in the
    cache, and of a read of the database, which is a file at `database` (None: the folder's
    own; with the stage elsewhere, one that is removed at the end)."""

    stage: BackendRequest
    host: str = "127.0.0.1"
    port: int = 5000
    ttl: float = 60.0
    delay: float = 2.0
    database: Path | None = None


def demo(request: DemoRequest, progress: Progress, ready: Callable[[str], object]) -> None:
    """The application served, from `ready` with its URL until KeyboardInterrupt, which passes
    through; then nothing of it runs or listens any more.

    Raises MissingPrerequisite where the extra isn't installed or the port is taken, UsageError
    without a topology file, and what `stage` raises where no topology runs.
    """
    require_extra()
    from redistopo.demo.app import make_app

    _require_sense(request)
    with ExitStack() as stack:
        live = stack.enter_context(open_backend(request.stage))
        items = stack.enter_context(_items(request))
        parts = stack.enter_context(_parts(request, live, items))
        try:
            with listening(make_app(parts), parts.hub, request.host, request.port) as server:
                if not loopback(request.host):
                    warn(progress, f"{request.host} {_OPEN_TO_OTHERS}")
                ready(url(request.host, server.port))
                server.serve()
        finally:
            live.finish(progress)


def require_extra() -> None:
    """Raises MissingPrerequisite where what the demo serves with isn't installed."""
    for package in ("flask", "prometheus_client", "waitress"):
        try:
            import_module(package)
        except ImportError as error:
            raise MissingPrerequisite(
                f"redistopo demo needs {error.name}, which isn't installed",
                hint="pip install 'redistopo[demo]'",
            ) from error


def _require_sense(request: DemoRequest) -> None:
    if not SHORTEST_TTL <= request.ttl <= LONGEST_TTL:
        raise UsageError(
            f"a TTL of {request.ttl:g} s can't be",
            hint=f"--ttl from {SHORTEST_TTL:g} s to {LONGEST_TTL:g} s",
        )
    require_delay(request.delay)


def url(host: str, port: int) -> str:
    """What one types into a browser."""
    every = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}  # noqa: S104  not bound to
    name = every.get(host, host).strip("[]")
    return f"http://{format_address(name, port)}"


@contextmanager
def _items(request: DemoRequest) -> Iterator[Items]:
    """Yield the rows, seeded if empty; raises MissingPrerequisite if the file can't be used."""
    with _database(request) as path:
        try:
            yield Items.seeded(path, request.delay)
        except DatabaseAway as error:
            raise MissingPrerequisite(
                "the demo's database can't be used",
                detail=f"{path}: {error}",
                hint="name another file, which is made where it is missing: --database FILE",
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
        path = layout_of_folder(request.stage.root).database
        with write_errors(path):
            path.touch(0o600)  # an empty file is an empty database
        yield path


@contextmanager
def _parts(request: DemoRequest, live: Backend, items: Items) -> Iterator["AppContext"]:
    """All that the application is made of, at work."""
    from redistopo.demo.context import AppContext
    from redistopo.demo.latencies import Latencies
    from redistopo.demo.metrics import Metrics
    from redistopo.demo.page_state import State
    from redistopo.demo.service import Ears, ItemService
    from redistopo.demo.traffic import Traffic

    patient = Settings(
        # what somebody else keeps under data:* is nobody's cache to fill or clear
        prefix=_ELSEWHERE if request.stage.connect else "data",
        claim_seconds=_CLAIMED + 2 * request.delay,
    )
    cache = live.cache(items.load, ttl=request.ttl, settings=patient)
    latencies = Latencies()
    state = State(live, cache, latencies, request.delay)
    hub = Hub(state.message)
    metrics = Metrics(cache, lambda: hub.listening)
    desk = ItemService(
        cache, live.place, Ears(latencies=latencies, took=metrics.took, served=hub.served)
    )
    state.traffic = traffic = Traffic(desk.ask, items.ids())
    live.follow(lambda story: hub.story(_plain(story)))
    own = live.asked.templates if live.asked else ""
    try:
        yield AppContext(
            host=request.host, token=secrets.token_urlsafe(32), templates=own, cache=cache,
            items=items, desk=desk, hub=hub, traffic=traffic, metrics=metrics,
            health=lambda: health(items, cache, live.picture().one_in_each(cache.key)),
            actions=live.actions, act=live.act,
        )  # fmt: skip
    finally:
        hub.close()
        traffic.close()


def _plain(story: Story) -> dict[str, object]:
    at = story.at.isoformat(timespec="milliseconds")
    return {"at": at, "level": story.level, "text": story.text}
