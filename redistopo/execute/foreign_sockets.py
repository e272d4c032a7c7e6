"""Keeps the Unix sockets of other servers while one of ours ends."""

from contextlib import suppress
from pathlib import Path

from redistopo.errors import RedistopoError
from redistopo.host.host import Host
from redistopo.model.planning.shutdown_decision import LastReply

_LINK = ".redistopo-kept"


def keep_foreign_socket(host: Host, last: LastReply) -> Path | None:
    """Give the Unix socket at a server's path a second name if it is another server's, and return
    its path; None for no such socket.

    A server that ends removes what is at the path (server.c, closeListeningSockets), also the
    socket of a server that was started later with the same path.
    """
    live = last.config or {}
    if not live.get("unixsocket"):
        return None
    path = Path(live.get("dir", "/")) / live["unixsocket"]
    if host.ports.unix_socket(path).pid in (None, int(last.info.get("process_id", 0))):
        return None
    with suppress(OSError, RedistopoError):
        if host.files.status(_kept(path)) is not None:  # of a run that was killed
            host.files.remove(_kept(path))
        host.files.link(path, _kept(path))
        return path
    return None


def restore_foreign_socket(host: Host, path: Path) -> None:
    """Give the socket its name back, if it was removed, and remove the second name."""
    with suppress(OSError, RedistopoError):
        if host.files.status(path) is None:
            host.files.rename(_kept(path), path)
        else:
            host.files.remove(_kept(path))


def _kept(path: Path) -> Path:
    return path.with_name(path.name + _LINK)
