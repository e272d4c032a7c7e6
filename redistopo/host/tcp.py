"""Connecting from this machine: raw TCP, the TLS handshake, and names as addresses."""

import socket
import ssl

from redistopo.model.connectivity.matrix import PortState
from redistopo.model.protocol.endpoint import Endpoint

Socket = socket.socket


def connect_tcp(endpoint: Endpoint, seconds: float) -> Socket:
    """A connection; raises OSError."""
    return socket.create_connection(endpoint, seconds)


def handshake(plain: Socket, host: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    """The connection by TLS, after the server proved that it is `host`; raises OSError."""
    return context.wrap_socket(plain, server_hostname=host)


def probe_port(endpoint: Endpoint, seconds: float = 0.7) -> PortState:
    """What becomes of a TCP connection; nothing is sent.

    Less than a second at most: the system repeats a lost first packet only after one.
    """
    try:
        with connect_tcp(endpoint, seconds):
            return PortState.OK
    except ConnectionRefusedError:
        return PortState.REFUSED
    except TimeoutError:
        return PortState.SILENT
    except (OSError, UnicodeError, OverflowError):
        return PortState.NO_ROUTE


def numeric(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint by its address, as servers print it; unchanged if the host has none."""
    try:
        found = socket.getaddrinfo(endpoint.host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return endpoint
    return endpoint._replace(host=str(found[0][4][0]))
