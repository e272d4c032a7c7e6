"""Unix sockets of this machine, and the processes that listen on them."""

import socket
import stat
import struct
from contextlib import suppress
from pathlib import Path

from redistopo.host.listening_sockets import program_name
from redistopo.model.state.unix_socket import UnixSocketSeen

_CREDENTIALS = struct.Struct("3i")
"""Linux, unix(7), struct ucred: pid, uid, gid."""


def inspect_unix_socket(path: Path) -> UnixSocketSeen:
    """Return what is at that path, with links in its folder resolved, by connecting to it."""
    seen = UnixSocketSeen(path=str(path.parent.resolve() / path.name))
    try:
        mode = path.lstat().st_mode
    except OSError:
        return seen
    if not stat.S_ISSOCK(mode):
        return UnixSocketSeen(path=seen.path, is_file=True)
    pid = _listener(path)
    return UnixSocketSeen(path=seen.path, pid=pid, program=program_name(pid or 0))


def _listener(path: Path) -> int | None:
    """The pid of the process that listens there; 0 if it is unknown, None if there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(str(path))
        except (BlockingIOError, TimeoutError, PermissionError):
            return 0
        except OSError:
            return None
        with suppress(OSError, AttributeError):  # elsewhere than on Linux
            found = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            return int(_CREDENTIALS.unpack(found)[0])
    return 0
