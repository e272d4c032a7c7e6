"""The web server: waitress, told what 200 readers of events need."""

import errno
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redistopo.demo.event_stream import MOST_STREAMS, Hub
from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.host.listening_sockets import port_holder
from redistopo.host.ports import is_free
from redistopo.model.protocol.endpoint import format_address

if TYPE_CHECKING:
    from flask import Flask

_WORKERS = 32
"""Threads beside those that event streams hold: so many slow reads of the database at once."""

_CONNECTIONS = 1000
"""Of both kinds; above that the system lets new ones wait."""

_IDLE_SECONDS = 30
"""A connection that asks nothing for so long is closed."""

_BUFFERED = 64 * 1024
"""Bytes that wait for a slow reader; then its thread waits, and its inbox drops what is old."""

_LARGEST_BODY = 1024 * 1024
"""Bytes that are read at all; the application takes far fewer."""

_LAST_SECONDS = 2.0
"""At the end requests under way have so long to be answered."""


@dataclass(frozen=True, slots=True)
class Server:
    """Listens on `port`; `serve` answers until KeyboardInterrupt."""

    port: int
    _sockets: dict[int, Any]

    def serve(self) -> None:
        """Requests are answered; KeyboardInterrupt passes through."""
        from waitress import wasyncore

        wasyncore.loop(timeout=1, use_poll=True, map=self._sockets)


@contextmanager
def listening(app: "Flask", hub: Hub, host: str, port: int) -> Iterator[Server]:
    """The application is listened for; at the end no thread and no socket of it is left.

    Raises MissingPrerequisite where the port is taken or the address isn't this machine's,
    UsageError for a host that is none.
    """
    from waitress import wasyncore

    sockets: dict[int, Any] = {}
    server = _made(app, sockets, host, port)
    try:
        yield Server(_port(server), sockets)
    finally:
        # before the dispatcher waits for its threads: each stream holds one. waitress' own
        # `run` would do it the other way round, and swallow the interrupt
        hub.close()
        server.task_dispatcher.shutdown(timeout=_LAST_SECONDS)
        wasyncore.close_all(sockets)


def _port(server: Any) -> int:
    """The same for each address that a name such as localhost stands for."""
    listened = getattr(server, "effective_listen", None)
    return int(listened[0][1] if listened else server.effective_port)


def _made(app: "Flask", sockets: dict[int, Any], host: str, port: int) -> Any:
    from waitress.server import create_server

    # it warns of requests that wait, and of threads that are at work when it ends
    logging.getLogger("waitress").setLevel(logging.ERROR)
    name = host.strip("[]")
    if not re.fullmatch(r"[^\s/,\[\]]+", name):  # several hosts, or none, which means all
        raise _no_host(host)
    literal = f"[{name}]" if ":" in name else name
    try:
        return create_server(
            app,
            map=sockets,
            listen=f"{literal}:{port}",
            ident="redistopo",
            threads=_WORKERS + MOST_STREAMS,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE_SECONDS,
            cleanup_interval=10,
            # a stream's reader that hangs up is noticed at once, not at the next message
            channel_request_lookahead=1,
            outbuf_high_watermark=_BUFFERED,
            max_request_body_size=_LARGEST_BODY,
            clear_untrusted_proxy_headers=True,
            log_socket_errors=False,  # a reader that hangs up is no error
        )
    except ValueError as error:  # what its settings say of a name that leads nowhere
        raise _no_host(host) from error
    except OSError as error:
        raise _refused(host, port, error) from error
    except RuntimeError as error:  # as Python says it: can't start new thread
        raise MissingPrerequisite(
            f"this machine allows fewer than {_WORKERS + MOST_STREAMS} threads",
            detail=str(error),
            hint="ulimit -u shows the limit; a container may have one of its own",
        ) from error


def _no_host(host: str) -> UsageError:
    return UsageError(
        f"{host!r} is no host to serve on", hint="leave --host out, or give an address"
    )


def _refused(host: str, port: int, error: OSError) -> MissingPrerequisite:
    if error.errno == errno.EADDRINUSE:
        return MissingPrerequisite(
            f"port {port} is held by {port_holder(port)}",
            hint=f"serve on another one: redistopo demo --port {_next_free(host, port)}",
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
    """Beside a node of a topology stand its others; 0 lets the system choose."""
    above = range(port + 1, min(port + 100, 65536))
    return next((one for one in above if is_free(host, one)), 0)
