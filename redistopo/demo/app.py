"""The Flask application: routes, request guards, and errors as JSON."""

import logging

from flask import Flask, Response, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.routing import BaseConverter

from redistopo.cache_aside import CacheAway
from redistopo.demo.app_context import AppContext, database_failure, failure, refusal
from redistopo.demo.database import DatabaseAway
from redistopo.demo.request_guard import HEADERS, refuse_host, refuse_origin, refuse_site
from redistopo.demo.routes_cache import cache_routes
from redistopo.demo.routes_page import page_routes
from redistopo.errors import ExitCode, RedistopoError

MOST_BODY = 16 * 1024
"""Maximum size of a request body in bytes."""


class _Json(DefaultJSONProvider):
    ensure_ascii = False
    sort_keys = False


class _Id(BaseConverter):
    """An item's id: any text, including slashes and line ends."""

    regex = r"[\s\S]+"
    part_isolating = False


def make_app(context: AppContext) -> Flask:
    """Create the application; the guards refuse every request that must not change anything."""
    app = Flask("redistopo.demo", static_folder=None, template_folder=None)
    # a 500 response has no details; the terminal shows them
    app.logger.setLevel(logging.ERROR)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY
    app.json = _Json(app)
    app.url_map.merge_slashes = False  # an id may contain two in a row
    app.url_map.converters["id"] = _Id

    @app.before_request
    def guard() -> Response | None:
        refused = refuse_host(request.headers.get("Host", ""), context.host)
        if refused is None and request.method not in ("GET", "HEAD", "OPTIONS"):
            refused = refuse_origin(dict(request.headers))
        refused = refused or refuse_site(dict(request.headers))
        return refusal(refused) if refused else None

    @app.after_request
    def headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    _register_error_handlers(app)
    app.register_blueprint(cache_routes(context))
    app.register_blueprint(page_routes(context))
    return app


def _register_error_handlers(app: Flask) -> None:
    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        return failure(error.name, error.description or "", error.code or 500)

    @app.errorhandler(BadRequest)
    def unread(_error: BadRequest) -> Response:
        return failure("the body is not JSON", 'send an object in UTF-8: {"name": "..."}', 400)

    @app.errorhandler(RecursionError)
    def nested(_error: RecursionError) -> Response:
        return failure("the JSON is nested too deeply", "send one flat object", 400)

    @app.errorhandler(DatabaseAway)
    def database(error: DatabaseAway) -> Response:
        return failure(**database_failure(error), status=503)

    @app.errorhandler(CacheAway)
    def cache(error: CacheAway) -> Response:
        return failure(f"Redis is unavailable: {error}", "try again once it replies", 503)

    @app.errorhandler(RedistopoError)
    def ours(error: RedistopoError) -> Response:
        status = 400 if error.code is ExitCode.USAGE else 409
        return failure(error.message, error.hint, status, detail=error.detail)
