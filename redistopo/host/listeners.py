"""Every listening TCP socket of this machine, and the process that has it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil

from redistopo.model.protocol.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket; `pid` is 0 where the system doesn't tell whose it is.

    A server's child that saves or rewrites has its sockets too (its listening ones until it
    closes them), and the system may name either: so `parent` counts as well.
    """

    host: str
    port: int
    pid: int
    parent: int

    def of(self, pid: int) -> bool:
        return pid != 0 and pid in (self.pid, self.parent)


def all_listeners() -> Iterator[Listener]:
    """Every listening TCP socket on this machine, as far as the system tells us."""
    with suppress(psutil.Error, OSError):
        for one in psutil.net_connections(kind="tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr:
                pid = one.pid or 0
                yield Listener(one.laddr.ip, one.laddr.port, pid, _parent(pid))


def listening_of_process(pid: int) -> tuple[str, ...] | None:
    """Each listening socket of a process, as an endpoint; None where the system won't tell."""
    with suppress(psutil.Error, OSError):
        found = psutil.Process(pid).net_connections(kind="tcp")
        own = (one.laddr for one in found if one.status == psutil.CONN_LISTEN and one.laddr)
        return tuple(sorted(str(Endpoint(one.ip, one.port)) for one in own))
    return None


def program_name(pid: int) -> str:
    """A process as ``nginx (pid 123)``; "another program" where we may not see it."""
    with suppress(psutil.Error):
        if pid:
            return f"{psutil.Process(pid).name()} (pid {pid})"
    return "another program"


def _parent(pid: int) -> int:
    with suppress(psutil.Error):
        return psutil.Process(pid).ppid() if pid else 0
    return 0
