"""Serves one text over HTTP, made anew for each request."""

import errno
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from redistopo.errors import MissingPrerequisite
from redistopo.host.listening_sockets import port_holder
from redistopo.model.protocol.endpoint import Endpoint

_PATHS = ("/metrics", "/")
_CLIENT_SECONDS = 10.0


def serve_text(
    endpoint: Endpoint, text: Callable[[], str], kind: str, ready: Callable[[Endpoint], None]
) -> None:
    """Serve `text`, of the media type `kind`, until interrupted; `ready` gets the address.

    One request at a time makes the text; clients that are slow, or silent, keep no other waiting.
    Raises MissingPrerequisite if it can't listen there.
    """
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        timeout = _CLIENT_SECONDS
        server_version, sys_version = "redistopo", ""

        def do_GET(self) -> None:
            if self.path.partition("?")[0] not in _PATHS:
                self.send_error(404)
                return
            with lock:
                body = text().encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Log nothing: a scrape every few seconds is no news."""

    with _listen(endpoint, Handler) as server:
        host, port = server.server_address[:2]
        ready(Endpoint(str(host), int(port)))
        server.serve_forever()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_words: object) -> None:
        """Report nothing: a client that hangs up is no error."""


class _Server6(_Server):
    address_family = socket.AF_INET6


def _listen(endpoint: Endpoint, handler: type[BaseHTTPRequestHandler]) -> _Server:
    kind = _Server6 if ":" in endpoint.host else _Server
    try:
        return kind(endpoint, handler)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            what = f"port {endpoint.port} is in use by {port_holder(endpoint.port)}"
        else:
            what = f"can't listen on {endpoint}"
        raise MissingPrerequisite(
            what,
            detail=error.strerror or str(error),
            hint="choose another address: --listen 127.0.0.1:PORT",
        ) from error
