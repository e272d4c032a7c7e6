"""Routes of the page: its files, its events and its buttons."""

from flask import Blueprint, Response, abort, jsonify, request

from redistopo.demo.app_context import AppContext, failure, refusal
from redistopo.demo.event_stream import MAX_STREAMS, TooManyStreams
from redistopo.demo.input_limits import MAX_RATE, MAX_TTL, MIN_TTL
from redistopo.demo.request_guard import TOKEN, refuse_token
from redistopo.render.demo_page import asset, page

_CONTENT = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def page_routes(context: AppContext) -> Blueprint:
    """Return ``/`` and what it loads, ``/events``, and the routes reserved to the page."""
    routes, views = Blueprint("page", __name__), _Views(context)
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
        refused = refuse_token(request.headers.get(TOKEN, ""), context.token)
        return refusal(refused) if refused else None

    return routes


class _Views:
    def __init__(self, context: AppContext) -> None:
        self._context = context

    def index(self) -> Response:
        text = page(self._context.token, own=self._context.templates)
        return Response(text, content_type="text/html; charset=utf-8")

    def loaded(self, stem: str, kind: str) -> Response:
        text = asset(f"{stem}.{kind}", own=self._context.templates) if stem.isalpha() else None
        if text is None:
            abort(404)
        return Response(text, content_type=f"{_CONTENT[kind]}; charset=utf-8")

    def icon(self) -> Response:
        return Response(status=204)  # browsers request one, and would log an error

    def events(self) -> Response:
        hub = self._context.hub
        try:
            stream = hub.join(request.environ.get("waitress.client_disconnected", lambda: False))
        except TooManyStreams:
            message = f"{MAX_STREAMS} event streams are open already"
            return failure(message, "close another page of the demo", 503)
        response = Response(stream, content_type="text/event-stream; charset=utf-8")
        response.call_on_close(lambda: hub.leave(stream))
        return response

    def act(self, verb: str) -> Response:
        actions = self._context.actions
        if not actions:
            hint = "without --connect, the demo acts on the folder's own nodes"
            return failure("these servers belong to another owner", hint, 403)
        if verb not in actions:
            return failure("there is no such action", f"one of {', '.join(actions)}", 404)
        wanted = request.get_json()
        node = wanted.get("node") if isinstance(wanted, dict) else None
        if not isinstance(node, str) or not node:
            return failure("which node?", 'send {"node": "node1"}', 400)
        return jsonify({"done": self._context.act(verb, node)})

    def load(self) -> Response:
        rate = _number(request.get_json(), "rate", 0, MAX_RATE)
        if rate is None:
            return failure("invalid rate", f'send {{"rate": 20}}, from 0 to {MAX_RATE}', 400)
        self._context.traffic.rate = rate
        return jsonify({"rate": self._context.traffic.rate})

    def ttl(self) -> Response:
        seconds = _number(request.get_json(), "seconds", MIN_TTL, MAX_TTL)
        if seconds is None:
            limits = f"from {MIN_TTL:g} to {MAX_TTL:g}"
            return failure("invalid TTL", f'send {{"seconds": 5}}, {limits}', 400)
        self._context.cache.ttl_seconds = seconds
        return jsonify({"ttl": seconds})


def _number(wanted: object, key: str, least: float, most: float) -> float | None:
    value = wanted.get(key) if isinstance(wanted, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if least <= value <= most else None  # neither NaN nor infinity is
