"""Which ports are free on this machine, and who holds the others."""

import errno
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

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


def port_holder(port: int) -> str:
    """Who listens on a port, as ``nginx (pid 123)``; "another program" where we may not see it."""
    return port_holders((port,))[port]


def port_holders(ports: Iterable[int]) -> dict[int, str]:
    """The same of several ports, at one look."""
    found = dict.fromkeys(ports, "another program")
    with suppress(psutil.Error, OSError):
        for one in psutil.net_connections(kind="tcp"):
            if not one.laddr or one.laddr.port not in found:
                continue
            if one.status == psutil.CONN_LISTEN and one.pid:
                found[one.laddr.port] = f"{psutil.Process(one.pid).name()} (pid {one.pid})"
    return found


def listeners(ports: Iterable[int]) -> dict[int, tuple[str, ...]] | None:
    """Port -> the addresses on which anybody listens on it; None where the system tells that
    of our own processes alone."""
    if sys.platform != "linux":
        return None
    return {port: tuple(found) for port, found in _listeners(set(ports)).items()}


def ephemeral_range() -> tuple[int, int] | None:
    """The ports that the system hands out to outgoing connections; None where it isn't known."""
    if sys.platform == "darwin":
        return (49152, 65535)  # net.inet.ip.portrange.first and .last, as shipped
    with suppress(OSError, ValueError):
        first, last = _RANGE.read_text(encoding="ascii").split()
        return int(first), int(last)
    return None


def listening(port_by_pid: dict[int, int]) -> dict[int, tuple[str, ...]]:
    """Port -> the addresses on which it is listened, for the ports given as pid -> port.

    On Linux from the kernel's own table, in which listeners come first (proc(5), state
    0A); elsewhere by psutil, process by process.
    """
    wanted = set(port_by_pid.values())
    if sys.platform != "linux":
        return {port: _of_process(pid, port) for pid, port in port_by_pid.items()}
    found = _listeners(wanted)
    # a stranger may listen on the same port of another address: then the process is asked
    return {
        port: tuple(found[port]) if len(found[port]) == 1 else _of_process(pid, port)
        for pid, port in port_by_pid.items()
    }


def _listeners(wanted: set[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {port: [] for port in wanted}
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        with suppress(OSError), Path(f"/proc/net/{name}").open(encoding="ascii") as table:
            next(table, None)
            for line in table:
                fields = line.split()
                if fields[3] != "0A":
                    break
                address, _, port = fields[1].partition(":")
                if int(port, 16) in wanted:
                    found[int(port, 16)].append(_address(address, family))
    return found


def _address(text: str, family: socket.AddressFamily) -> str:
    # the kernel prints each 32-bit word in the machine's own byte order
    words = [bytes.fromhex(text[n : n + 8]) for n in range(0, len(text), 8)]
    raw = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    return socket.inet_ntop(family, raw)


def _of_process(pid: int, port: int) -> tuple[str, ...]:
    with suppress(psutil.Error):
        return tuple(
            found.laddr.ip
            for found in psutil.Process(pid).net_connections(kind="tcp")
            if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port
        )
    return ()
