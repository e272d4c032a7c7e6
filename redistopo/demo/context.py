"""What the web application is made of, and how each of its routes says no."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, jsonify

from redistopo.cache_aside import CacheAside
from redistopo.demo.database import Items
from redistopo.demo.event_stream import Hub
from redistopo.demo.health import Health
from redistopo.demo.metrics import Metrics
from redistopo.demo.request_guard import Refusal
from redistopo.demo.service import ItemService
from redistopo.demo.traffic import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """What the routes work with: `host` is what is listened on, `templates` a folder of the
    user's own or "", and `act` does one of `actions` to a node, and tells what was done."""

    host: str
    token: str
    templates: str
    cache: CacheAside
    items: Items
    desk: ItemService
    hub: Hub
    traffic: Traffic
    metrics: Metrics
    health: Callable[[], Health]
    actions: tuple[str, ...]
    act: Callable[[str, str], str]


def failure(message: str, hint: str, status: int, **more: str) -> Response:
    """An error as every route tells it."""
    response = jsonify({"error": {"message": message, "hint": hint, **more}})
    response.status_code = status
    return response


def told_away(why: object) -> dict[str, str]:
    """The error of a database that can't be used."""
    return {
        "message": f"the database doesn't answer: {why}",
        "hint": "is the file there, and free? redistopo demo, started anew, makes a missing one",
    }


def refusal(refused: Refusal) -> Response:
    """The same, of what a guard refused."""
    return failure(refused.message, refused.hint, 403)
