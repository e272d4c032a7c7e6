"""Workers of pytest-xdist ask the run's main process for topologies that they share.

The main process outlives each worker, and so owns the servers; it starts them when the first worker
asks.
"""

import secrets
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from redistopo.errors import RedistopoError
from redistopo.pytest_plugin.wanted import Wanted

_STARTER = pytest.StashKey["Starter"]()
_ADDRESS = "redistopo_address"
_SECRET = "redistopo_secret"  # noqa: S105  the name of an entry
_END = "end"


class Starter:
    """Starts what workers ask for, each topology once, until it is closed."""

    def __init__(self) -> None:
        """Listen on an address that only those with the secret can use."""
        from redistopo.pytest_plugin.own_servers import OwnServers

        self._own = OwnServers
        self.secret = secrets.token_bytes(32)
        self._listener = Listener(authkey=self.secret)
        self.address = self._listener.address
        self._started: dict[str, Any] = {}
        self._thread = Thread(target=self._serve, name="redistopo", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End all topologies."""
        with suppress(OSError, EOFError), Client(self.address, authkey=self.secret) as connection:
            connection.send(_END)
        self._thread.join()
        self._listener.close()
        for one in self._started.values():
            with suppress(RedistopoError):
                one.end()

    def _serve(self) -> None:
        asked: object = None
        while asked != _END:
            # a worker that was killed while it asked ends its connection, not this thread
            with suppress(OSError, EOFError), self._listener.accept() as connection:
                asked = connection.recv()
                if isinstance(asked, Wanted):
                    self._answer(asked, connection)

    def _answer(self, asked: Wanted, connection: "Connection[Any, Any]") -> None:
        try:
            if asked.key not in self._started:
                self._started[asked.key] = self._own(asked, reset=False)
            connection.send(self._started[asked.key].folder)
        except RedistopoError as error:
            connection.send(error)


def invite(node: Any) -> None:
    """Tell a worker, which is about to start, where to ask."""
    stash = node.config.stash
    if _STARTER not in stash:
        stash[_STARTER] = Starter()
        node.config.add_cleanup(stash[_STARTER].close)
    node.workerinput[_ADDRESS] = stash[_STARTER].address
    node.workerinput[_SECRET] = stash[_STARTER].secret


def ask(config: pytest.Config, wanted: Wanted) -> tuple[Path, int]:
    """Return a topology's folder, and this worker's number; raises RedistopoError."""
    given = config.workerinput  # type: ignore[attr-defined]
    try:
        with Client(given[_ADDRESS], authkey=given[_SECRET]) as connection:
            connection.send(wanted)
            found = connection.recv()
    except (OSError, EOFError) as error:
        raise RedistopoError(
            "the run's main process doesn't reply: it starts topologies that workers share",
            detail=str(error),
        ) from error
    if isinstance(found, RedistopoError):
        raise found
    return Path(found), int(given["workerid"].removeprefix("gw"))
