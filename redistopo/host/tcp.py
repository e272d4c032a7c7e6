"""Connections from this machine: TCP, the TLS handshake, and host names as addresses."""

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

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


def answers(endpoint: Endpoint, seconds: float = 0.7) -> bool:
    """Return whether a process at that address reacts to what it gets: a server replies PONG, asks
    for a password, or ends a connection without TLS. A paused one does nothing."""
    with suppress(OSError), connect_tcp(endpoint, seconds) as connection:
        connection.settimeout(seconds)
        connection.sendall(b"PING\r\n")
        with suppress(ConnectionResetError):
            connection.recv(1)
        return True
    return False


def numeric(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint by its address, as servers print it; unchanged if the host has none."""
    try:
        found = socket.getaddrinfo(endpoint.host, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError):  # of a name that can't be one
        return endpoint
    return endpoint._replace(host=str(found[0][4][0]))
