"""Network partitions without root: drops the packets between a server and the others.

On Linux a process may take a second handle of a socket of another process of the same user
(pidfd_getfd(2), since 5.6; it asks what a debugger would be asked), and tell that socket to
drop every packet with a time to live below 255 (IP_MINTTL, ip(7); IPV6_MINHOPCOUNT): that is all
of them, because senders use at most 64. With this on both ends of each connection between
servers, no byte passes either way, and no error is reported: TCP retransmits, as behind a
firewall that drops. The same on listening sockets prevents new connections.
"""

import ctypes
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from redistopo.errors import MissingPrerequisite

_PIDFD_GETFD = 438  # the same number on every architecture of Linux
# family -> level and option (linux/in.h IP_MINTTL, linux/in6.h IPV6_MINHOPCOUNT)
_LEAST_TTL = {
    socket.AF_INET: (socket.IPPROTO_IP, 21),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 73),
}
_NOTHING, _EVERYTHING = 255, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A server: its pid, and the ports at which it must not be reached anew.

    Its pid must have been proven ours by the caller.
    """

    pid: int
    closed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Held:
    """A handle of a server's socket; `ends` is None for one that listens."""

    handle: socket.socket
    port: int
    ends: tuple[object, object] | None


def refuse_partition(pids: Iterable[int]) -> None:
    """Raises MissingPrerequisite where this system doesn't let us hold these servers apart."""
    why = ""
    if sys.platform != "linux":
        why = "it takes handles of servers' sockets, which Linux alone gives to a user"
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
            hint="--fault freeze is the nearest that any user may do; where Yama forbids it, "
            "`sysctl kernel.yama.ptrace_scope=0` allows it",
        )


def cut_connections(inside: Iterable[Side], outside: Iterable[Side]) -> int:
    """How many sockets were silenced: those between `inside` and `outside`, and those at which
    either takes new connections at a closed port.

    What had just been accepted may be missed once, so it is called again and again while the
    partition lasts. A server that has ended is passed over. Connections from elsewhere go on.
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
            _take_in(handle, _NOTHING)
        return len(cut)


def lift_partition(pids: Iterable[int]) -> None:
    """No socket of these servers, proven ours by the caller, is silenced any more."""
    if sys.platform != "linux":
        return
    for pid in pids:
        with ExitStack() as stack, suppress(OSError):
            for handle in _handles(pid, stack):
                _take_in(handle, _EVERYTHING)


def _sockets(side: Side, stack: ExitStack) -> list[_Held]:
    """Its connections, and the sockets that listen at a closed port; none once it has ended."""
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
        return None  # not connected, or not any more
    return _Held(handle, int(here[1]), ends)


def _take_in(handle: socket.socket, least: int) -> None:
    """The socket drops packets with a lower time to live. Raises OSError."""
    level, option = _LEAST_TTL[handle.family]
    handle.setsockopt(level, option, least)
    if handle.family == socket.AF_INET6:
        # it may carry IPv4 as well (v4-mapped), and then goes by this one
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
            continue  # closed since we looked
        stack.callback(handle.close)
        if handle.family in _LEAST_TTL and handle.type == socket.SOCK_STREAM:
            found.append(handle)
    return found


def _socket_numbers(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if os.readlink(path).startswith("socket:"):  # noqa: PTH115  it leads to no file
                yield int(path.name)


def _getfd(process: int, number: int) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    got = int(library.syscall(_PIDFD_GETFD, process, number, 0))
    if got < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return got
