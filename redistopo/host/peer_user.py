"""The user at the other end of a connection on this machine: loopback doesn't separate users."""

import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

from redistopo.host.listening_sockets import address_in_table
from redistopo.model.protocol.endpoint import Endpoint

SHOWN = sys.platform == "linux"
"""Whether the system tells every user who connected."""

_SOCK_DIAG = 4
_BY_FAMILY = 20
_REQUEST = struct.Struct("=IHHII BBBBI")
_LISTEN = 10
_SECONDS = 0.5


def peer_user(peer: Endpoint, own: Endpoint) -> int | None:
    """Return the uid of the process that connected from `peer` to our address `own`; None if it
    has closed the socket, or if the system doesn't tell.

    The client's own socket is asked for by its addresses; a closed one has no inode, and no owner.
    """
    with suppress(OSError, struct.error, ValueError):
        return _from_kernel(peer, own)
    return _from_table(peer, own.port)


def _from_kernel(peer: Endpoint, own: Endpoint) -> int | None:
    """By sock_diag(7); raises OSError where the kernel doesn't have it, or knows no such socket."""
    family = socket.AF_INET6 if ":" in peer.host else socket.AF_INET
    raw = [socket.inet_pton(family, one.host).ljust(16, b"\0") for one in (peer, own)]
    place = struct.pack("!HH", peer.port, own.port) + b"".join(raw) + bytes(4) + b"\xff" * 8
    head = _REQUEST.pack(72, _BY_FAMILY, 1, 1, 0, family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as link:
        link.settimeout(_SECONDS)
        link.send(head + place)
        reply = link.recv(4096)
    kind, state = struct.unpack_from("=H", reply, 4)[0], reply[17]
    if kind != _BY_FAMILY or state == _LISTEN:
        raise OSError("no such socket")
    uid, inode = struct.unpack_from("=II", reply, 80)
    return int(uid) if inode else None


def _from_table(peer: Endpoint, port: int) -> int | None:
    """By proc(5), whose table lists every socket, and takes milliseconds."""
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
