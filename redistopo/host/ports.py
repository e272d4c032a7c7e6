"""Ports and addresses that a server on this machine can bind."""

import errno
import socket
import sys
from contextlib import suppress
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_RESERVED = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")


def is_free(host: str, port: int) -> bool:
    """Return whether a server could bind that port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # as servers do: a port in TIME_WAIT is free, a port with a listener isn't
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def any_free(host: str) -> int:
    """Return a port, chosen by the system, that was free just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def has_address(host: str) -> bool:
    """Return whether this machine has that address."""
    return _bind_error(host) == 0


def is_foreign_address(host: str) -> bool:
    """Return whether no server can listen at an address because this machine doesn't have it.
    Servers skip an address of a family that the kernel doesn't support (server.c, listenToPort)."""
    return _bind_error(host) == errno.EADDRNOTAVAIL


def _bind_error(host: str) -> int:
    """The error number of binding a port of that address; 0 for none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def ephemeral_range() -> tuple[int, int] | None:
    """Return the range of ports for outgoing connections; None if unknown."""
    if sys.platform == "darwin":
        return (49152, 65535)  # the defaults of net.inet.ip.portrange.first and .last
    with suppress(OSError, ValueError):
        first, last = _RANGE.read_text(encoding="utf-8").split()
        return int(first), int(last)
    return None


def reserved_ports() -> str:
    """Return the ports that outgoing connections never get, as in ``7000,40000-40005``."""
    with suppress(OSError):
        return _RESERVED.read_text(encoding="utf-8").strip()
    return ""
