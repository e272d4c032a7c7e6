"""Servers that something else runs: nothing is deleted there without being asked."""

import os
from typing import Any

from redistopo import api
from redistopo.api.results import LogLine
from redistopo.errors import RedistopoError, UsageError


class ExistingServers:
    """The topology around a URL."""

    folder = ""
    ended = False
    touched = False

    def __init__(self, url: str | None, ca: str, cert: str, *, reset: bool) -> None:
        """Connect; raises RedistopoError, UsageError if there is no URL or an invalid one."""
        found = url or os.environ.get("REDIS_URL")
        if not found:
            raise UsageError(
                "no server is named",
                hint="factories.noproc(url=...), or set the variable REDIS_URL",
            )
        self._reset = reset
        self.topology: Any = api.connect(found, ca=ca, cert=cert)
        self.roles = self.current_roles()

    def restore(self) -> tuple[str, ...]:
        """Delete all keys of each primary, if that was asked; raises RedistopoError."""
        if self._reset:
            from redis import RedisError

            try:
                with self.topology.client() as client:
                    client.flushall()
            except RedisError as error:
                raise RedistopoError("their keys can't be deleted", detail=str(error)) from error
        return ()

    def replace(self) -> None:
        """Do nothing: they aren't ours."""

    def end(self, *, keep: bool = False) -> None:
        """Do nothing: they aren't ours."""

    def current_roles(self) -> dict[str, str]:
        """Each node's role now, by its address."""
        return {node.name: node.role for node in self.topology.nodes}

    def logged(self, began: float) -> list[LogLine]:  # noqa: ARG002
        """Nothing: their logs are elsewhere."""
        return []
