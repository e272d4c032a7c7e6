"""Servers that this pytest process started, and ends."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redistopo import api
from redistopo.api.baseline import Baseline
from redistopo.api.results import LogLine
from redistopo.errors import RedistopoError
from redistopo.model.state.application_access import ApplicationAccess
from redistopo.pytest_plugin.wanted import Wanted


class SessionTopology(api.Topology):
    """A Topology whose servers can be replaced by others, and which notes that it is used."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.touched = False
        self._known: ApplicationAccess | None = None
        self._clients: dict[str, Any] = {}

    @property
    def folder(self) -> Path:
        """The folder with redistopo.toml; all methods begin with it."""
        self.touched = True
        return self._folder

    def move(self, folder: Path) -> None:
        """Be the topology of that folder from now on."""
        self._folder = folder
        self._known = None

    def _access(self, *, roles: bool = True) -> ApplicationAccess:
        """Read the files once: addresses and passwords of an ephemeral topology stay as they are,
        and each test has a client of its own."""
        self.touched = True
        if roles:
            return super()._access()
        self._known = self._known or super()._access(roles=False)
        return self._known

    @contextmanager
    def lent(self, options: Mapping[str, Any]) -> Iterator[Any]:
        """A client for one test; that of a cluster is lent again, with new connections.

        redis-py reads COMMAND and the slots for each client of a cluster, which takes longer than
        a small test.
        """
        self.touched = True
        key = repr(sorted(options.items()))
        client = self._clients.pop(key) if key in self._clients else self.client(**options)
        before = _attributes(client)
        yield client
        if hasattr(client, "disconnect_connection_pools") and before == _attributes(client):
            client.disconnect_connection_pools()
            self._clients[key] = client
        else:
            client.close()

    def forget_clients(self) -> None:
        """Close them: their servers have ended, or had other roles."""
        while self._clients:
            self._clients.popitem()[1].close()


def _attributes(client: Any) -> dict[str, Any]:
    """What a test may have changed: the objects, and what is in dictionaries. A client of a cluster
    that was closed has no default node any more, and isn't usable again."""
    shown = vars(client).items()
    found = {name: dict(one) if isinstance(one, dict) else one for name, one in shown}
    if hasattr(client, "get_default_node"):
        found["default node"] = client.get_default_node()
    return found


def logged_since(topology: api.Topology, began: float) -> list[LogLine]:
    """What the nodes logged since that time; entries have milliseconds."""
    seconds = time.time() - began + 1
    return [one for one in topology.logs(since=seconds) if (one.at or 0.0) >= began - 0.001]


class OwnServers:
    """An ephemeral topology, with the state to which it is reset."""

    def __init__(self, wanted: Wanted, *, reset: bool = True) -> None:
        """Start it; without `reset`, `restore` does nothing. Raises RedistopoError."""
        self._wanted = wanted
        self._reset = reset and wanted.reset
        self._start()
        self.topology: Any = SessionTopology(self._folder)
        self._take()

    @property
    def folder(self) -> str:
        """The folder, to keep it."""
        return str(self._folder)

    @property
    def ended(self) -> bool:
        """Whether it was ended, or given to the user."""
        return self._ended

    @property
    def touched(self) -> bool:
        """Whether a method was called since it was restored."""
        return bool(self.topology.touched)

    def restore(self) -> tuple[str, ...]:
        """Return to the state before the test; raises RedistopoError."""
        restored = self._baseline.restore().healed if self._baseline else ()
        if restored:
            self.topology.forget_clients()
        self.topology.touched = False
        return restored

    def replace(self) -> None:
        """Start others, which have the same options."""
        if not self._ended:
            self.end()
        self._start()
        self.topology.move(self._folder)
        self._take()

    def end(self, *, keep: bool = False) -> None:
        """End the servers, or leave them to the user."""
        self._ended = True
        self.topology.forget_clients()
        if self._baseline:
            self._baseline.close()
        self._ephemeral.end(keep=keep)

    def current_roles(self) -> dict[str, str]:
        """Each node's role now, "" for one that doesn't reply."""
        return {node.name: node.role for node in self.topology.nodes}

    def logged(self, began: float) -> list[LogLine]:
        """What the nodes logged since then, without what they logged at their start."""
        return logged_since(self.topology, max(began, self._ready))

    def _start(self) -> None:
        self._ephemeral: api.Ephemeral = getattr(api, self._wanted.shape)(**self._wanted.options)
        self._folder = self._ephemeral.__enter__().folder
        self._ended = False
        self._baseline: Baseline | None = None

    def _take(self) -> None:
        try:
            self.roles = self.current_roles()
            self._baseline = Baseline.take(self.topology) if self._reset else None
        except RedistopoError:
            self.end()
            raise
        self._ready = time.time()
        self.topology.touched = False
