"""Network partitions without root: drops the packets between a server and the others.

On Linux a process may duplicate a socket of another process of the same user (pidfd_getfd(2),
since 5.6; with the permission of a debugger) and make that socket drop every packet with a TTL
below 255 (IP_MINTTL, ip(7); IPV6_MINHOPCOUNT). That is every packet, because senders use at most
64. With this set at both ends of each connection between servers, no byte passes either way and no
error is reported: TCP retransmits, as behind a firewall that drops packets. On listening sockets
it prevents new connections.
"""

import ctypes
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from redistopo.errors import MissingPrerequisite
from redistopo.quick_dataclass import dataclass

_PIDFD_GETFD = 438  # the same number on every architecture of Linux
# family -> level and option (linux/in.h IP_MINTTL, linux/in6.h IPV6_MINHOPCOUNT)
_LEAST_TTL = {
    socket.AF_INET: (socket.IPPROTO_IP, 21),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 73),
}
_NOTHING, _EVERYTHING = 255, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A server: its pid, which the caller has verified to be ours, and the ports at which it must
    not accept new connections."""

    pid: int
    closed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Held:
    """A handle of a server's socket; `ends` is None for a listening socket."""

    handle: socket.socket
    port: int
    ends: tuple[object, object] | None


def refuse_partition(pids: Iterable[int]) -> None:
    """Raise MissingPrerequisite if this system doesn't allow a partition of these servers."""
    why = ""
    if sys.platform != "linux":
        why = "it needs handles of other processes' sockets, which only Linux provides"
    else:
        try:
            with ExitStack() as stack:
                for pid in pids:
                    _handles(pid, stack)
        except OSError as error:
            why = f"pidfd_getfd: {error.strerror or error}"
    if why:
        raise MissingPrerequisite(
            "a partition can't be made on this machine without root",
            detail=why,
            hint="--fault freeze is the closest fault that needs no privileges; if Yama forbids "
            "a partition, `sysctl kernel.yama.ptrace_scope=0` allows it",
        )


def cut_connections(inside: Iterable[Side], outside: Iterable[Side]) -> int:
    """Drop all packets between `inside` and `outside`, and to their closed ports; return the
    number of sockets that do so.

    A connection that was just accepted may be missed, so call this repeatedly while the partition
    lasts. Servers that have ended are skipped; connections from elsewhere are not affected.
    """
    with ExitStack() as stack:
        near = [_sockets(side, stack) for side in inside]
        far = [_sockets(side, stack) for side in outside]
        ends = {(held.ends[1], held.ends[0]) for some in far for held in some if held.ends}
        between = {held.ends for some in near for held in some if held.ends in ends}
        mirrored = {(one[1], one[0]) for one in between if one}
        cut = [
            held.handle
            for some in (*near, *far)
            for held in some
            if held.ends is None or held.ends in between or held.ends in mirrored
        ]
        for handle in cut:
            _set_minimum_ttl(handle, _NOTHING)
        return len(cut)


def lift_partition(pids: Iterable[int]) -> None:
    """Let all sockets of these servers, which the caller has verified to be ours, receive again."""
    if sys.platform != "linux":
        return
    for pid in pids:
        with ExitStack() as stack, suppress(OSError):
            for handle in _handles(pid, stack):
                _set_minimum_ttl(handle, _EVERYTHING)


def _sockets(side: Side, stack: ExitStack) -> list[_Held]:
    """Its connections, and its listening sockets at closed ports; none if it has ended."""
    try:
        found = [_held(handle) for handle in _handles(side.pid, stack)]
    except ProcessLookupError:
        return []
    return [one for one in found if one and (one.ends is not None or one.port in side.closed)]


def _held(handle: socket.socket) -> _Held | None:
    try:
        here = handle.getsockname()[:2]
        listens = handle.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        ends = None if listens else (here, handle.getpeername()[:2])
    except OSError:
        return None  # not connected
    return _Held(handle, int(here[1]), ends)


def _set_minimum_ttl(handle: socket.socket, least: int) -> None:
    """Make the socket drop packets with a lower TTL. Raises OSError."""
    level, option = _LEAST_TTL[handle.family]
    handle.setsockopt(level, option, least)
    if handle.family == socket.AF_INET6:
        # for IPv4 connections (v4-mapped) this option counts
        with suppress(OSError):
            handle.setsockopt(*_LEAST_TTL[socket.AF_INET], least)


def _handles(pid: int, stack: ExitStack) -> list[socket.socket]:
    """Handles of all TCP sockets of a process, closed with `stack`. Raises OSError."""
    process = os.pidfd_open(pid)
    stack.callback(os.close, process)
    found = []
    for number in _socket_numbers(pid):
        try:
            handle = socket.socket(fileno=_getfd(process, number))
        except OSError as error:
            if isinstance(error, PermissionError) or not Path(f"/proc/{pid}/fd").exists():
                raise
            continue  # closed in the meantime
        stack.callback(handle.close)
        if handle.family in _LEAST_TTL and handle.type == socket.SOCK_STREAM:
            found.append(handle)
    return found


def _socket_numbers(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if os.readlink(path).startswith("socket:"):  # noqa: PTH115  its target is not a file
                yield int(path.name)


def _getfd(process: int, number: int) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    got = int(library.syscall(_PIDFD_GETFD, process, number, 0))
    if got < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return got
