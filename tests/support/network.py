"""A network of a test process's own, where no other program of this machine holds a port."""

import ctypes
import os
import socket
import struct
import sys
from fcntl import ioctl

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


def isolate() -> bool:
    """This thread, and all that it starts from now on, has loopback interfaces of its own.

    False where the system doesn't permit it (Linux, root): then ports are shared with every
    other program, and `ports.leased` looks for free ones.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", ioctl(any_socket, _SIOCGIFFLAGS, asked))[1]
        ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _IFF_UP))
    return True
