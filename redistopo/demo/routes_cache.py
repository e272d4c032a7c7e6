"""The application itself: items by cache-aside, and what a watcher asks of a service."""

from collections.abc import Mapping

from flask import Blueprint, Response, jsonify, request

from redistopo.demo.context import AppContext, failure, told_away
from redistopo.demo.metrics import CONTENT_TYPE

_LONGEST_ID = 512
"""Characters; a key of Redis's may have 512 MB, but nobody's id has."""

_LONGEST_TEXT = 4000


def cache_routes(parts: AppContext) -> Blueprint:
    """``/data``, ``/cache``, ``/healthz`` and ``/metrics``."""
    routes, views = Blueprint("cache", __name__), _Views(parts)
    routes.get("/data/<id:item>")(views.read)
    routes.put("/data/<id:item>")(views.change)
    routes.delete("/cache/<id:item>")(views.forget)
    routes.delete("/cache")(views.forget_all)
    routes.get("/healthz")(views.health)
    routes.get("/metrics")(views.metrics)

    @routes.before_request
    def short() -> Response | None:
        item = (request.view_args or {}).get("item", "")
        if len(item) <= _LONGEST_ID:
            return None
        return failure("that id is too long", f"an id has {_LONGEST_ID} characters at most", 400)

    return routes


class _Views:
    def __init__(self, parts: AppContext) -> None:
        self._parts = parts

    def read(self, item: str) -> Response:
        answer = self._parts.desk.serve(item)
        response = jsonify(answer.body())
        response.status_code = answer.status
        return response

    def change(self, item: str) -> Response:
        wanted = request.get_json()
        if wrong := _wrong(wanted):
            return failure(wrong, 'send {"name": "...", "description": "..."}, or one of them', 400)
        row = self._parts.items.change(item, **wanted)
        if row is None:
            return failure("there is no such item", "the items are 1, 2, 3 and so on", 404)
        # after the commit, or a reader in between caches the old row anew
        return jsonify({"data": row, "invalidated": self._parts.cache.invalidate(item)})

    def forget(self, item: str) -> Response:
        return jsonify({"invalidated": self._parts.cache.invalidate(item)})

    def forget_all(self) -> Response:
        return jsonify({"removed": self._parts.cache.clear()})

    def health(self) -> Response:
        """200 while requests can be answered, also without Redis: slower, and it says so."""
        found = self._parts.health()
        body = found.body()
        if not found.serving:
            body["error"] = told_away(found.database)
        response = jsonify(body)
        response.status_code = 200 if found.serving else 503
        return response

    def metrics(self) -> Response:
        return Response(self._parts.metrics.text(), content_type=CONTENT_TYPE)


def _wrong(wanted: object) -> str:
    """What is wrong with a change of a row; "" for nothing."""
    if not isinstance(wanted, Mapping) or not wanted:
        return "a change is a JSON object with something in it"
    for key, value in wanted.items():
        if key not in ("name", "description"):
            return "an item's name and description can be changed, and nothing else"
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT or _halved(value):
            return f"{key} is a text of 1 to {_LONGEST_TEXT} characters"
    return ""


def _halved(text: str) -> bool:
    """Whether a text holds half of a pair: JSON can write that, UTF-8 can't."""
    return any("\ud800" <= one <= "\udfff" for one in text)
