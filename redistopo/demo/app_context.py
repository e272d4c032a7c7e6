"""What the routes of the web application share, and their error responses."""

from collections.abc import Callable

from flask import Response, jsonify

from redistopo.cache_aside import CacheAside
from redistopo.demo.database import Items
from redistopo.demo.event_stream import EventHub
from redistopo.demo.healthz import Health
from redistopo.demo.item_service import ItemService
from redistopo.demo.metrics import Metrics
from redistopo.demo.request_generator import RequestGenerator
from redistopo.demo.request_guard import Refusal
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """What the routes work with: `host` is the address served on, `templates` the user's own
    folder or "", and `act` applies one of `actions` to a node, and returns what was done."""

    host: str
    token: str
    templates: str
    cache: CacheAside
    items: Items
    service: ItemService
    hub: EventHub
    traffic: RequestGenerator
    metrics: Metrics
    health: Callable[[], Health]
    actions: tuple[str, ...]
    act: Callable[[str, str], str]


def failure(message: str, hint: str, status: int, **more: str) -> Response:
    """Return an error response."""
    response = jsonify({"error": {"message": message, "hint": hint, **more}})
    response.status_code = status
    return response


def database_failure(why: object) -> dict[str, str]:
    """Return the error of a database that can't be used."""
    return {
        "message": f"the database does not reply: {why}",
        "hint": "is the file there and not locked? restart redistopo demo to create a missing one",
    }


def refusal(refused: Refusal) -> Response:
    """Return the response to a refused request."""
    return failure(refused.message, refused.hint, 403)
