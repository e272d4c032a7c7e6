"""Routes of the application: items by cache-aside, health and metrics."""

from collections.abc import Mapping

from flask import Blueprint, Response, jsonify, request

from redistopo.demo.app_context import AppContext, database_failure, failure
from redistopo.demo.metrics import CONTENT_TYPE

_LONGEST_ID = 512
"""Characters; a Redis key may have 512 MB, but no id is that long."""

_LONGEST_TEXT = 4000


def cache_routes(context: AppContext) -> Blueprint:
    """Return ``/data``, ``/cache``, ``/healthz`` and ``/metrics``."""
    routes, views = Blueprint("cache", __name__), _Views(context)
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
    def __init__(self, context: AppContext) -> None:
        self._context = context

    def read(self, item: str) -> Response:
        answer = self._context.service.serve(item)
        response = jsonify(answer.body())
        response.status_code = answer.status
        return response

    def change(self, item: str) -> Response:
        wanted = request.get_json()
        if wrong := _wrong(wanted):
            return failure(wrong, 'send {"name": "...", "description": "..."}, or one of them', 400)
        row = self._context.items.change(item, **wanted)
        if row is None:
            return failure("there is no such item", "the items are 1, 2, 3 and so on", 404)
        # after the commit, or a concurrent reader caches the old row again
        return jsonify({"data": row, "invalidated": self._context.cache.invalidate(item)})

    def forget(self, item: str) -> Response:
        return jsonify({"invalidated": self._context.cache.invalidate(item)})

    def forget_all(self) -> Response:
        return jsonify({"removed": self._context.cache.clear()})

    def health(self) -> Response:
        """Return 200 while requests can be served, also without Redis: slower, and degraded."""
        found = self._context.health()
        body = found.body()
        if not found.serving:
            body["error"] = database_failure(found.database)
        response = jsonify(body)
        response.status_code = 200 if found.serving else 503
        return response

    def metrics(self) -> Response:
        return Response(self._context.metrics.text(), content_type=CONTENT_TYPE)


def _wrong(wanted: object) -> str:
    """Return what is wrong with a change of a row; "" for nothing."""
    if not isinstance(wanted, Mapping) or not wanted:
        return "a change is a JSON object that is not empty"
    for key, value in wanted.items():
        if key not in ("name", "description"):
            return "an item's name and description can be changed, and nothing else"
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT or _halved(value):
            return f"{key} is a text of 1 to {_LONGEST_TEXT} characters"
    return ""


def _halved(text: str) -> bool:
    """Return whether a text has a lone surrogate: JSON can contain one, UTF-8 can't."""
    return any("\ud800" <= one <= "\udfff" for one in text)
