"""Ports and addresses that a server on this machine could bind."""

import errno
import socket
import sys
from contextlib import suppress
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(host: str, port: int) -> bool:
    """Whether a server could bind that port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # as servers do: a port in TIME_WAIT is free, a port that is listened on isn't
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def any_free(host: str) -> int:
    """A port that was free a moment ago, of the system's own choice."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def has_address(host: str) -> bool:
    """Whether this machine has that address."""
    return _trouble_binding(host) == 0


def is_foreign_address(host: str) -> bool:
    """Whether no server can listen there: no such address is here. One of a family that the
    kernel doesn't have at all is left out by servers (server.c, listenToPort)."""
    return _trouble_binding(host) == errno.EADDRNOTAVAIL


def _trouble_binding(host: str) -> int:
    """The system's error number, 0 for none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def ephemeral_range() -> tuple[int, int] | None:
    """The ports that the system hands out to outgoing connections; None where it isn't known."""
    if sys.platform == "darwin":
        return (49152, 65535)  # net.inet.ip.portrange.first and .last, as shipped
    with suppress(OSError, ValueError):
        first, last = _RANGE.read_text(encoding="ascii").split()
        return int(first), int(last)
    return None
