"""A topology that all workers of pytest-xdist share; the run's main process owns it."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from redistopo import api
from redistopo.api.results import LogLine
from redistopo.errors import RedistopoError
from redistopo.pytest_plugin.own_servers import logged_since
from redistopo.pytest_plugin.shared_start import ask
from redistopo.pytest_plugin.wanted import Wanted


class SharedTopology(api.Topology):
    """The clients and URLs of each worker use a database of its own."""

    def __init__(self, folder: Path, database: int) -> None:
        super().__init__(folder)
        self._database = database

    @property
    def url(self) -> str:
        """The URL of the primary, with this worker's database."""
        return f"{super().url}/{self._database}"

    @property
    def urls(self) -> tuple[str, ...]:
        """The URLs of all data nodes, with this worker's database."""
        return tuple(f"{one}/{self._database}" for one in super().urls)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of `redistopo env`, with this worker's database in REDIS_URL."""
        return {**super().environment, "REDIS_URL": self.url}

    def client(self, **options: Any) -> Any:
        """Create a redis-py client for this worker's database."""
        return super().client(**{"db": self._database, **options})

    def async_client(self, **options: Any) -> Any:
        """Create the same client of redis.asyncio."""
        return super().async_client(**{"db": self._database, **options})

    def reset_data(self) -> None:
        """Delete the keys of this worker's database."""
        with self.client() as client:
            client.flushdb()


class SharedServers:
    """Servers which other workers use at the same time: they are neither replaced nor kept, and
    only this worker's database is reset; a cluster, which has one database, isn't."""

    folder = ""
    ended = False
    touched = False

    def __init__(self, config: pytest.Config, wanted: Wanted) -> None:
        """Have the main process start them, or find those it started; raises RedistopoError."""
        folder, number = ask(config, wanted)
        clustered = wanted.shape == "cluster"
        self.topology: Any = api.Topology(folder) if clustered else SharedTopology(folder, number)
        self._resets = wanted.reset and not clustered
        self.roles: Mapping[str, str] = self.current_roles()
        self._ready = time.time()

    def restore(self) -> tuple[str, ...]:
        """Delete the keys of this worker's database; raises RedistopoError."""
        if self._resets:
            from redis import RedisError

            try:
                self.topology.reset_data()
            except RedisError as error:
                raise RedistopoError(
                    "this worker's database can't be emptied", detail=str(error)
                ) from error
        return ()

    def replace(self) -> None:
        """Do nothing: other workers use them."""

    def end(self, *, keep: bool = False) -> None:
        """Do nothing: other workers use them."""

    def current_roles(self) -> dict[str, str]:
        """Each node's role now, by its name."""
        return {node.name: node.role for node in self.topology.nodes}

    def logged(self, began: float) -> list[LogLine]:
        """What the nodes logged since then, also because of other workers, but not at their
        start."""
        return logged_since(self.topology, max(began, self._ready))
