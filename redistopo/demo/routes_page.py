"""The page, the events that it shows, and the buttons on it."""

from flask import Blueprint, Response, abort, jsonify, request

from redistopo.demo.bounds import LONGEST_TTL, MOST_RATE, SHORTEST_TTL
from redistopo.demo.context import AppContext, failure, refusal
from redistopo.demo.event_stream import MOST_STREAMS, TooManyStreams
from redistopo.demo.request_guard import TOKEN, refuse_token
from redistopo.render.demo_page import asset, page

_CONTENT = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def page_routes(parts: AppContext) -> Blueprint:
    """``/`` and what it loads, ``/events``, and what only the page may ask for."""
    routes, views = Blueprint("page", __name__), _Views(parts)
    routes.get("/")(views.index)
    routes.get("/<stem>.<any(css, js, svg):kind>")(views.loaded)
    routes.get("/favicon.ico")(views.icon)
    routes.get("/events")(views.events)
    routes.post("/actions/<verb>")(views.act)
    routes.post("/load")(views.load)
    routes.post("/ttl")(views.ttl)

    @routes.before_request
    def token() -> Response | None:
        if request.method != "POST":
            return None
        refused = refuse_token(request.headers.get(TOKEN, ""), parts.token)
        return refusal(refused) if refused else None

    return routes


class _Views:
    def __init__(self, parts: AppContext) -> None:
        self._parts = parts

    def index(self) -> Response:
        text = page(self._parts.token, own=self._parts.templates)
        return Response(text, content_type="text/html; charset=utf-8")

    def loaded(self, stem: str, kind: str) -> Response:
        text = asset(f"{stem}.{kind}", own=self._parts.templates) if stem.isalpha() else None
        if text is None:
            abort(404)
        return Response(text, content_type=f"{_CONTENT[kind]}; charset=utf-8")

    def icon(self) -> Response:
        return Response(status=204)  # browsers ask for one, and would note an error

    def events(self) -> Response:
        hub = self._parts.hub
        try:
            stream = hub.join(request.environ.get("waitress.client_disconnected", _never))
        except TooManyStreams:
            told = f"{MOST_STREAMS} event streams are open already"
            return failure(told, "close another page of the demo", 503)
        response = Response(stream, content_type="text/event-stream; charset=utf-8")
        response.call_on_close(lambda: hub.leave(stream))
        return response

    def act(self, verb: str) -> Response:
        actions = self._parts.actions
        if not actions:
            hint = "started without --connect, the demo breaks the folder's own"
            return failure("these servers aren't the demo's to break", hint, 403)
        if verb not in actions:
            return failure("there is no such action", f"one of {', '.join(actions)}", 404)
        wanted = request.get_json()
        node = wanted.get("node") if isinstance(wanted, dict) else None
        if not isinstance(node, str) or not node:
            return failure("which node?", 'send {"node": "node1"}', 400)
        return jsonify({"done": self._parts.act(verb, node)})

    def load(self) -> Response:
        rate = _number(request.get_json(), "rate", 0, MOST_RATE)
        if rate is None:
            return failure("that is no rate", f'send {{"rate": 20}}, from 0 to {MOST_RATE}', 400)
        self._parts.traffic.rate = rate
        return jsonify({"rate": self._parts.traffic.rate})

    def ttl(self) -> Response:
        seconds = _number(request.get_json(), "seconds", SHORTEST_TTL, LONGEST_TTL)
        if seconds is None:
            limits = f"from {SHORTEST_TTL:g} to {LONGEST_TTL:g}"
            return failure("that is no TTL", f'send {{"seconds": 5}}, {limits}', 400)
        self._parts.cache.ttl_seconds = seconds
        return jsonify({"ttl": seconds})


def _never() -> bool:
    return False


def _number(wanted: object, key: str, least: float, most: float) -> float | None:
    value = wanted.get(key) if isinstance(wanted, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if least <= value <= most else None  # neither NaN nor infinity is
