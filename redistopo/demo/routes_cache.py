"""The application itself: items by cache-aside, and what a watcher asks of a service."""

from collections.abc import Mapping

from flask import Blueprint, Response, jsonify, request

from redistopo.demo.app import Parts, failure
from redistopo.demo.database import DatabaseError
from redistopo.demo.metrics import CONTENT_TYPE

_LONGEST_ID = 512
"""Characters; a key of Redis's may have 512 MB, but nobody's id has."""

_LONGEST_TEXT = 4000


def cache_routes(parts: Parts) -> Blueprint:
    """``/data``, ``/cache``, ``/healthz`` and ``/metrics``."""
    routes = Blueprint("cache", __name__)
    cache, items = parts.cache, parts.items

    @routes.get("/data/<id:id>")
    def read(id: str) -> Response:
        if len(id) > _LONGEST_ID:
            return _too_long()
        answer = parts.desk.serve(id)
        response = jsonify(answer.body())
        response.status_code = answer.status
        return response

    @routes.put("/data/<id:id>")
    def change(id: str) -> Response:
        if len(id) > _LONGEST_ID:
            return _too_long()
        wanted = request.get_json()
        if wrong := _wrong(wanted):
            return failure(wrong, 'send {"name": "...", "description": "..."}, or one of them', 400)
        row = items.change(id, **wanted)
        if row is None:
            return failure(f"there is no item {id!r}", "GET / shows which there are", 404)
        return jsonify({"data": row, "invalidated": cache.invalidate(id)})

    @routes.delete("/cache/<id:id>")
    def forget(id: str) -> Response:
        return jsonify({"invalidated": cache.invalidate(id)})

    @routes.delete("/cache")
    def forget_all() -> Response:
        return jsonify({"removed": cache.clear()})

    @routes.get("/healthz")
    def health() -> Response:
        return _health(parts)

    @routes.get("/metrics")
    def metrics() -> Response:
        return Response(parts.metrics.text(), content_type=CONTENT_TYPE)

    return routes


def _too_long() -> Response:
    return failure("that id is too long", f"an id has {_LONGEST_ID} characters at most", 400)


def _wrong(wanted: object) -> str:
    """What is wrong with a change of a row; "" for nothing."""
    if not isinstance(wanted, Mapping) or not wanted:
        return "a change is a JSON object with something in it"
    for key, value in wanted.items():
        if key not in ("name", "description"):
            return f"an item has no {key!r} that could be changed"
        if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_TEXT:
            return f"{key} is a text of 1 to {_LONGEST_TEXT} characters"
    return ""


def _health(parts: Parts) -> Response:
    """Well while the database answers: without Redis it is slower, and says so."""
    circuits = parts.cache.circuits()
    away = sorted(shard for shard, state in circuits.items() if state != "closed")
    try:
        parts.items.ids()
    except DatabaseError as error:
        return failure(str(error), "the database behind the cache is needed for this", 503)
    return jsonify({"status": "degraded" if away else "ok", "without_cache": away})
