"""Connections from this machine: TCP, the TLS handshake, and host names as addresses."""

import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redistopo.host.safe_open import read_bytes
from redistopo.model.connectivity.matrix import PortState
from redistopo.model.protocol.endpoint import Endpoint

if TYPE_CHECKING:
    import ssl

Socket = socket.socket


def connect_tcp(endpoint: Endpoint, seconds: float) -> Socket:
    """Connect; raises OSError."""
    host, port = endpoint
    # as bytes: for a str the socket module loads the tables of international domain names
    known: Any = host.encode() if host.isascii() else host
    return socket.create_connection((known, port), seconds)


def end_tcp(connection: Socket) -> None:
    """Close a connection, also one that another thread reads from."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def handshake(plain: Socket, host: str, context: "ssl.SSLContext") -> "ssl.SSLSocket":
    """Start TLS and verify that the server is `host`; raises OSError."""
    return context.wrap_socket(plain, server_hostname=host)


def probe_port(endpoint: Endpoint, seconds: float = 0.7) -> PortState:
    """Connect without sending anything, and return the result.

    The timeout is below a second, after which the system would repeat a lost first packet.
    """
    try:
        with connect_tcp(endpoint, seconds):
            return PortState.OK
    except ConnectionRefusedError:
        return PortState.REFUSED
    except TimeoutError:
        return PortState.SILENT
    except (OSError, ValueError, OverflowError):
        return PortState.NO_ROUTE


def answers(endpoint: Endpoint, seconds: float = 0.7, pem: Path | None = None) -> bool:
    """Return whether a process at that address reacts to what it gets: a server replies PONG, asks
    for a password, or ends a connection without TLS. A paused one does nothing.

    A server with TLS logs each connection without it, or without a client certificate: `pem` is one
    with its key.
    """
    with suppress(OSError), connect_tcp(endpoint, seconds) as connection:
        connection.settimeout(seconds)
        if pem is not None:
            return _answers_by_tls(connection, pem)
        connection.sendall(b"PING\r\n")
        with suppress(ConnectionResetError):
            connection.recv(1)
        return True
    return False


def _answers_by_tls(connection: Socket, pem: Path) -> bool:
    """The same, with TLS. The server isn't verified: it gets nothing but a PING. Raises OSError."""
    import ssl

    read_bytes(pem)  # OpenSSL would wait for a FIFO, and read a device without end
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(pem, password="")  # it never asks for one
    # where the handshake fails it reacts, too
    with suppress(ssl.SSLError, ConnectionResetError), context.wrap_socket(connection) as wrapped:
        wrapped.sendall(b"PING\r\n")
        wrapped.recv(1)
    return True


def numeric(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint by its address, as servers print it; unchanged if the host has none."""
    try:
        found = socket.getaddrinfo(endpoint.host, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError):  # of a name that can't be one
        return endpoint
    return endpoint._replace(host=str(found[0][4][0]))
