"""The page, the events that it shows, and the buttons on it."""

import math

from flask import Blueprint, Response, abort, jsonify, request

from redistopo.demo.app import Parts, failure, refusal
from redistopo.demo.guard import TOKEN, refuse_token
from redistopo.demo.stream import MOST_STREAMS, TooManyStreams
from redistopo.demo.traffic import MOST
from redistopo.render.demo_page import asset, page

_CONTENT = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_LONGEST_TTL = 86400.0
_SHORTEST_TTL = 0.1


def page_routes(parts: Parts) -> Blueprint:
    """``/`` and what it loads, ``/events``, and what only the page may ask for."""
    routes = Blueprint("page", __name__)

    @routes.get("/")
    def index() -> Response:
        text = page(parts.token, own=parts.templates)
        return Response(text, content_type="text/html; charset=utf-8")

    @routes.get("/<stem>.<any(css, js, svg):kind>")
    def loaded(stem: str, kind: str) -> Response:
        text = asset(f"{stem}.{kind}", own=parts.templates) if stem.isalpha() else None
        if text is None:
            abort(404)
        return Response(text, content_type=f"{_CONTENT[kind]}; charset=utf-8")

    @routes.get("/favicon.ico")
    def icon() -> Response:
        return Response(status=204)  # browsers ask for one, and would note an error

    @routes.get("/events")
    def events() -> Response:
        return _events(parts)

    @routes.before_request
    def token() -> Response | None:
        if request.method != "POST":
            return None
        refused = refuse_token(request.headers.get(TOKEN, ""), parts.token)
        return refusal(refused, 403) if refused else None

    @routes.post("/actions/<verb>")
    def act(verb: str) -> Response:
        return _act(parts, verb)

    @routes.post("/load")
    def load() -> Response:
        rate = _number(request.get_json(), "rate", 0, MOST)
        if rate is None:
            return failure("that is no rate", f'send {{"rate": 20}}, from 0 to {MOST}', 400)
        parts.traffic.rate = rate
        return jsonify({"rate": parts.traffic.rate})

    @routes.post("/ttl")
    def ttl() -> Response:
        seconds = _number(request.get_json(), "seconds", _SHORTEST_TTL, _LONGEST_TTL)
        if seconds is None:
            limits = f"from {_SHORTEST_TTL:g} to {_LONGEST_TTL:g}"
            return failure("that is no TTL", f'send {{"seconds": 5}}, {limits}', 400)
        parts.cache.ttl_seconds = seconds
        return jsonify({"ttl": seconds})

    return routes


def _events(parts: Parts) -> Response:
    try:
        stream = parts.hub.join(request.environ.get("waitress.client_disconnected", _never))
    except TooManyStreams:
        return failure(
            f"{MOST_STREAMS} event streams are open already", "close another page of the demo", 503
        )
    response = Response(stream, content_type="text/event-stream; charset=utf-8")
    response.call_on_close(lambda: parts.hub.leave(stream))
    return response


def _never() -> bool:
    return False


def _act(parts: Parts, verb: str) -> Response:
    if not parts.actions:
        return failure(
            "these servers aren't the demo's to break",
            "it was started with --connect; without it, it breaks the folder's own",
            403,
        )
    if verb not in parts.actions:
        return failure(f"there is no action {verb!r}", f"one of {', '.join(parts.actions)}", 404)
    wanted = request.get_json()
    node = wanted.get("node") if isinstance(wanted, dict) else None
    if not isinstance(node, str) or not node:
        return failure("which node?", 'send {"node": "node1"}', 400)
    return jsonify({"done": parts.act(verb, node)})


def _number(wanted: object, key: str, least: float, most: float) -> float | None:
    value = wanted.get(key) if isinstance(wanted, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if least <= value <= most else None
