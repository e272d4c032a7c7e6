"""A network of a test process's own, where no other program of this machine holds a port."""

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import ioctl
from pathlib import Path

_HERE = Path("/proc/thread-self/ns/net")
_CLONE_NEWNET = 0x40000000
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
_ROWS = 4096
_shared: list[int] = []
"""The network that this process shared with all others, where it left that."""


def isolate() -> bool:
    """This thread, and all that it starts from now on, has a loopback interface of its own.

    False where the system doesn't permit it (it takes Linux, and root): then the ports are
    everybody's, and `ports.leased` looks for free ones.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    before = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
    if _libc().unshare(_CLONE_NEWNET) != 0:
        os.close(before)
        return False
    _shared.append(before)
    _have_a_small_table()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        _, flags = struct.unpack("16sh", ioctl(any_socket, _GET_FLAGS, _request(0)))
        ioctl(any_socket, _SET_FLAGS, _request(flags | _UP))
    return True


def _have_a_small_table() -> None:
    """Whoever lists connections reads the whole table of the namespace, whatever is in it: a
    machine's has some 100,000 rows. The size of a namespace's own is set in the one that makes it.
    """
    with suppress(OSError):  # an older Linux, or settings that can't be written
        Path("/proc/sys/net/ipv4/tcp_child_ehash_entries").write_text(f"{_ROWS}\n")
        _libc().unshare(_CLONE_NEWNET)


def isolated() -> bool:
    """Whether this process has left the machine's network."""
    return bool(_shared)


@contextmanager
def outside() -> Iterator[None]:
    """In the block the machine's own network is there again, and with it the internet."""
    if not _shared:
        yield
        return
    with _HERE.open("rb") as own:
        _enter(_shared[0])
        try:
            yield
        finally:
            _enter(own.fileno())


def _enter(network: int) -> None:
    if _libc().setns(network, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "can't change the network")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _request(flags: int) -> bytes:
    return struct.pack("16sh", b"lo", flags)
