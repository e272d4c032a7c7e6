"""Listening TCP sockets of this machine and the processes that own them."""

import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from redistopo.model.protocol.endpoint import Endpoint
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket; `pid` is 0 if the system doesn't show its process.

    A server's child process that saves or rewrites inherits its sockets and closes them later,
    and the system may report either process, so `parent` counts too.
    """

    host: str
    port: int
    pid: int
    parent: int

    def of(self, pid: int) -> bool:
        return pid != 0 and pid in (self.pid, self.parent)


def all_listeners() -> Iterator[Listener]:
    """Yield every listening TCP socket on this machine that the system shows."""
    with suppress(psutil.Error, OSError):
        for one in psutil.net_connections(kind="tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr:
                pid = one.pid or 0
                yield Listener(one.laddr.ip, one.laddr.port, pid, _parent(pid))


def listening_of_process(pid: int) -> tuple[str, ...] | None:
    """Return the listening sockets of a process; None if the system doesn't show them."""
    with suppress(psutil.Error, OSError):
        found = psutil.Process(pid).net_connections(kind="tcp")
        own = (one.laddr for one in found if one.status == psutil.CONN_LISTEN and one.laddr)
        return tuple(sorted(str(Endpoint(one.ip, one.port)) for one in own))
    return None


def program_name(pid: int) -> str:
    """Return a process as ``nginx (pid 123)``; "another program" if it isn't visible to us."""
    with suppress(psutil.Error):
        if pid:
            return f"{psutil.Process(pid).name()} (pid {pid})"
    return "another program"


def _parent(pid: int) -> int:
    with suppress(psutil.Error):
        return psutil.Process(pid).ppid() if pid else 0
    return 0


def port_holder(port: int) -> str:
    """Return the program that listens on a port, in the format of `program_name`."""
    return port_holders((port,))[port]


def port_holders(ports: Iterable[int]) -> dict[int, str]:
    """Return the program that listens on each port, from a single list of connections."""
    found = dict.fromkeys(ports, "another program")
    for one in all_listeners():
        if one.pid and one.port in found:
            found[one.port] = program_name(one.pid)
    return found


def listeners(ports: Iterable[int]) -> dict[int, tuple[str, ...]] | None:
    """Map each port to the addresses on which any process listens; None if the system shows
    only our own processes."""
    if sys.platform != "linux":
        return None
    return {port: tuple(found) for port, found in _listeners(set(ports)).items()}


def listening(port_by_pid: Mapping[int, int]) -> dict[int, tuple[str, ...]]:
    """Map each port to the addresses on which its process (pid -> port) listens.

    On Linux from the kernel's table, where listening sockets come first (proc(5), state 0A);
    elsewhere by psutil, for each process.
    """
    wanted = set(port_by_pid.values())
    if sys.platform != "linux":
        return {port: _of_process(pid, port) for pid, port in port_by_pid.items()}
    found = _listeners(wanted)
    # another process may listen on the same port of another address: then inspect the process
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
                    found[int(port, 16)].append(address_in_table(address, family))
    return found


def address_in_table(text: str, family: socket.AddressFamily) -> str:
    """Decode an address in the kernel's table of sockets."""
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
