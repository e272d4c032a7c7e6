"""Blocks of ports leased to one test at a time, across workers and runs on this machine."""

import fcntl
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 20
_FIRST, _LAST = 11000, 14800
"""Data ports; with their bus ports at +10000 all below Linux's ephemeral range."""


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def leased() -> Iterator[int]:
    """The first port of a free block of `SIZE`, nobody else's while this lasts."""
    folder = Path(tempfile.gettempdir()) / "redistopo-test-ports"
    folder.mkdir(exist_ok=True)
    for first in range(_FIRST, _LAST, SIZE):
        with (folder / str(first)).open("w") as lease:
            try:
                fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            block = range(first, first + SIZE)
            if all(_free(port) and _free(port + 10000) for port in block):
                yield first
                return
    raise RuntimeError("no free block of ports is left for this test")
