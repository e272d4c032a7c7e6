"""The user at the other end of a connection on this machine: loopback doesn't separate users."""

import socket
import sys
from contextlib import suppress
from pathlib import Path

from redistopo.host.listening_sockets import address_in_table
from redistopo.model.protocol.endpoint import Endpoint

SHOWN = sys.platform == "linux"
"""Whether the system tells every user who connected."""


def peer_user(peer: Endpoint, port: int) -> int | None:
    """Return the uid of the process that connected from `peer` to our `port`; None if it has none
    any more, or if the system doesn't tell.

    From the kernel's table (proc(5)): the client's own socket is a row there. A socket that its
    process has closed has no inode, and no owner.
    """
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        with suppress(OSError), Path(f"/proc/net/{name}").open(encoding="ascii") as table:
            next(table, None)
            wanted = f":{peer.port:04X}", f":{port:04X}"
            for fields in map(str.split, table):
                if not fields[1].endswith(wanted[0]) or not fields[2].endswith(wanted[1]):
                    continue
                host = address_in_table(fields[1].partition(":")[0], family)
                if host.removeprefix("::ffff:") == peer.host and fields[9] != "0":
                    return int(fields[7])
    return None
