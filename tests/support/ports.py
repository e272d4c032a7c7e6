"""Blocks of ports leased to one test at a time, across workers and runs on this machine."""

import errno
import fcntl
import itertools
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 20
_FIRST, _LAST = 11000, 14800
"""Data ports; with their bus ports at +10000 all below Linux's ephemeral range."""

_TURNS = itertools.count(os.getpid() * 53)


def _free(port: int) -> bool:
    """Whether nobody listens there, on any of this machine's addresses."""
    families = [(socket.AF_INET, "0.0.0.0")] + [(socket.AF_INET6, "::")] * socket.has_ipv6
    try:
        for family, everywhere in families:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family is socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((everywhere, port))
    except OSError as error:
        # a kernel without IPv6 has nobody there either
        return error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
    return True


@contextmanager
def leased() -> Iterator[int]:
    """The first port of a free block of `SIZE`, nobody else's while this lasts."""
    folder = Path(tempfile.gettempdir()) / "redistopo-test-ports"
    folder.mkdir(exist_ok=True)
    blocks = range(_FIRST, _LAST, SIZE)
    # not all from the lowest: a block that a test just gave back rests for a while
    turn = next(_TURNS) % len(blocks)
    for first in (*blocks[turn:], *blocks[:turn]):
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
