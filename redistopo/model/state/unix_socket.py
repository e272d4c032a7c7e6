"""A Unix socket's path at one moment."""

from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UnixSocketSeen:
    """What is at the path of a Unix socket: the `pid` of the process that listens there, 0 if the
    system doesn't show it, None if no process does; `program` names it. `is_file` is whether
    something else than a socket is there."""

    path: str
    pid: int | None = None
    program: str = ""
    is_file: bool = False
