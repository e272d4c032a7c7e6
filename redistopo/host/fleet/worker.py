"""The connection of a worker of Ansible, which performs operations on one machine."""

import socket
from collections.abc import Sequence
from contextlib import suppress

from redistopo.quick_dataclass import dataclass


@dataclass(slots=True, eq=False)
class Worker:
    """The connection of a machine's worker: `ssh` is how Ansible reaches the machine, and `pending`
    the number of requests without a reply, which come in their order."""

    connection: socket.socket
    host: str = ""
    ssh: Sequence[str] = ()
    pending: int = 0
    _ignored: int = 0
    _received: bytes = b""

    def send(self, request: str) -> None:
        """Send a request, after those that are pending."""
        with suppress(OSError):  # it ended, as `lines` will show
            self.connection.sendall(request.encode() + b"\n")
        self.pending += 1

    def give_up(self) -> None:
        """Ignore the replies that are still to come."""
        self._ignored = self.pending

    def is_awaited(self) -> bool:
        """Count a reply, and return whether it isn't ignored."""
        self.pending -= 1
        self._ignored, ignored = max(0, self._ignored - 1), self._ignored
        return not ignored

    def lines(self) -> list[str] | None:
        """Return the lines that arrived; None if the worker ended."""
        with suppress(OSError):
            if data := self.connection.recv(1 << 16):
                *whole, self._received = (self._received + data).split(b"\n")
                return [one.decode() for one in whole]
        return None
