"""Connecting from this machine: raw TCP, the TLS handshake, and names as addresses."""

import socket
import ssl

from redistopo.model.connectivity.matrix import PortState

Socket = socket.socket


def connect_tcp(host: str, port: int, seconds: float) -> Socket:
    """A connection; raises OSError."""
    return socket.create_connection((host, port), seconds)


def handshake(plain: Socket, host: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    """The connection by TLS, after the server proved that it is `host`; raises OSError."""
    return context.wrap_socket(plain, server_hostname=host)


def probe_port(host: str, port: int, seconds: float = 0.7) -> PortState:
    """What becomes of a TCP connection; nothing is sent.

    Less than a second at most: the system repeats a lost first packet only after one.
    """
    try:
        with connect_tcp(host, port, seconds):
            return PortState.OK
    except ConnectionRefusedError:
        return PortState.REFUSED
    except TimeoutError:
        return PortState.SILENT
    except (OSError, UnicodeError, OverflowError):
        return PortState.NO_ROUTE


def numeric_address(host: str) -> str:
    """A host's address, as servers themselves tell it; the host itself where it has none."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError):
        return host
