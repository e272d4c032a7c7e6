"""The web server: waitress, configured for 200 event streams."""

import errno
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from redistopo.demo.event_stream import EventHub
from redistopo.demo.request_guard import loopback
from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.host.listening_sockets import port_holder
from redistopo.host.peer_user import SHOWN, peer_user
from redistopo.host.ports import is_free
from redistopo.model.protocol.endpoint import Endpoint, format_address
from redistopo.quick_dataclass import dataclass

if TYPE_CHECKING:
    from flask import Flask

_WORKERS = 32
"""Threads besides one for each event stream: the number of concurrent slow database reads."""

_CONNECTIONS = 1000
"""Of both kinds; the system queues further connections."""

_REQUEST_SECONDS = 10
"""A request must have arrived after this time; a connection that sends none is idle."""

_IDLE_SECONDS = 30
"""An idle connection is closed after this time."""

_BUFFERED = 64 * 1024
"""Bytes buffered for a slow reader; then its thread waits, and its inbox drops old messages."""

_LARGEST_BODY = 1024 * 1024
"""Bytes read at most; the application's own limit is far lower."""

_LAST_SECONDS = 2.0
"""Time for requests in progress to end at shutdown."""


@dataclass(frozen=True, slots=True)
class WebServer:
    """Listens on `port`; `serve` runs until KeyboardInterrupt."""

    port: int
    _sockets: dict[int, Any]

    def serve(self) -> None:
        """Serve requests; KeyboardInterrupt passes through."""
        from waitress import wasyncore

        wasyncore.loop(timeout=1, use_poll=True, map=self._sockets)


@contextmanager
def listening(app: "Flask", hub: EventHub, host: str, port: int) -> Iterator[WebServer]:
    """Listen for the application; on exit, end all threads and sockets.

    Raises MissingPrerequisite if the port is taken or the address isn't this machine's,
    UsageError for an invalid host.
    """
    from waitress import wasyncore

    sockets: dict[int, Any] = {}
    server = _create_server(app, sockets, host, port)
    for one in sockets.values():
        if hasattr(one, "channel_class"):
            one.channel_class = _guarded_channel
    dispatcher = server.task_dispatcher
    hub.counted = lambda streams: dispatcher.set_thread_count(_WORKERS + streams)
    try:
        yield WebServer(_port(server), sockets)
    finally:
        # before the dispatcher waits for its threads: each stream uses one. waitress' own `run`
        # would do it in the reverse order, and swallow the interrupt
        hub.close()
        dispatcher.shutdown(timeout=_LAST_SECONDS)
        wasyncore.close_all(sockets)


def _guarded_channel(server: Any, link: Any, address: Any, *args: Any, **options: Any) -> None:
    """Begin to serve a connection, unless it is of another user of this machine.

    Before anything is read: connections that are kept open by others would fill the server.
    """
    if SHOWN and loopback(address[0]):
        user = peer_user(Endpoint(*address[:2]), Endpoint(*link.getsockname()[:2]))
        if user not in (os.geteuid(), 0):
            link.close()
            return
    _channel_class()(server, link, address, *args, **options)


@lru_cache(maxsize=1)
def _channel_class() -> Any:
    from waitress.channel import HTTPChannel

    class Channel(HTTPChannel):
        """Closes a connection whose request drips: waitress counts only the time without a byte."""

        _began = 0.0

        def received(self, data: bytes) -> Any:
            found = super().received(data)
            self._began = (self._began or time.monotonic()) if self.request is not None else 0.0
            return found

        def handle_read(self) -> None:
            super().handle_read()
            if self._began and time.monotonic() - self._began > _REQUEST_SECONDS:
                self.handle_close()

    return Channel


def _port(server: Any) -> int:
    """Return the port, the same for each address that a name such as localhost resolves to."""
    listened = getattr(server, "effective_listen", None)
    return int(listened[0][1] if listened else server.effective_port)


def _create_server(app: "Flask", sockets: dict[int, Any], host: str, port: int) -> Any:
    from waitress.server import create_server

    # it logs queued requests, and threads still running at the end
    logging.getLogger("waitress").setLevel(logging.ERROR)
    name = host.strip("[]")
    if not re.fullmatch(r"[^\s/,\[\]]+", name):  # several hosts, or none, which means all
        raise _bad_host(host)
    literal = f"[{name}]" if ":" in name else name
    try:
        return create_server(
            app,
            map=sockets,
            listen=f"{literal}:{port}",
            ident="redistopo",
            threads=_WORKERS,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE_SECONDS,
            cleanup_interval=10,
            # notice a stream's reader that hangs up at once, not at the next message
            channel_request_lookahead=1,
            outbuf_high_watermark=_BUFFERED,
            max_request_body_size=_LARGEST_BODY,
            clear_untrusted_proxy_headers=True,
            log_socket_errors=False,  # a reader that hangs up is not an error
        )
    except ValueError as error:  # a name that does not resolve
        raise _bad_host(host) from error
    except OSError as error:
        raise _listen_error(host, port, error) from error
    except RuntimeError as error:  # Python's: can't start new thread
        raise MissingPrerequisite(
            f"this machine allows fewer than {_WORKERS} threads",
            detail=str(error),
            hint="ulimit -u shows the limit; a container may have its own",
        ) from error


def _bad_host(host: str) -> UsageError:
    return UsageError(
        f"{host!r} is not a valid host to serve on", hint="leave --host out, or give an address"
    )


def _listen_error(host: str, port: int, error: OSError) -> MissingPrerequisite:
    if error.errno == errno.EADDRINUSE:
        return MissingPrerequisite(
            f"port {port} is in use by {port_holder(port)}",
            hint=f"use another port: redistopo demo --port {_next_free(host, port)}",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return MissingPrerequisite(
            f"this machine has no address {host}", hint="leave --host out: 127.0.0.1"
        )
    return MissingPrerequisite(
        f"can't listen on {format_address(host, port)}",
        detail=error.strerror or str(error),
        hint="a port below 1024 may need privileges: choose a higher --port",
    )


def _next_free(host: str, port: int) -> int:
    """Return a free port nearby, because a topology's nodes use adjacent ports; 0: any."""
    above = range(port + 1, min(port + 100, 65536))
    return next((one for one in above if is_free(host, one)), 0)
