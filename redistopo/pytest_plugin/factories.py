"""Makes fixtures: topologies of one's own, clients of them, and servers that something else runs.

from redistopo.pytest_plugin import factories

small = factories.cluster(shards=1, replicas=2, settings={"maxmemory": "64mb"})
small_client = factories.client("small", decode_responses=True)
"""

from collections.abc import Callable, Iterator
from inspect import Parameter, Signature
from typing import Any, Literal, Unpack

import pytest

from redistopo.pytest_plugin.in_use import topologies_of
from redistopo.pytest_plugin.options import Options, check_options

__all__ = ["async_client", "client", "cluster", "noproc", "replication", "sentinel", "standalone"]

Scope = Literal["session", "package", "module", "class", "function"]
Fixture = Any
"""What pytest.fixture returns: its type has no public name."""


def cluster(
    shards: int = 3,
    replicas: int = 1,
    *,
    node_timeout: int | None = None,
    scope: Scope = "session",
    **options: Unpack[Options],
) -> Fixture:
    """Make a fixture that is a Redis Cluster, a `redistopo.Topology`; `options` see `Options`.

    It starts with the first test that asks, and is reset after each test that uses it.
    """
    own = {"shards": shards, "replicas": replicas, "node_timeout": node_timeout}
    return _topology("cluster", {**own, **options}, scope)


def sentinel(
    replicas: int = 2,
    sentinels: int = 3,
    *,
    down_after: int | None = None,
    scope: Scope = "session",
    **options: Unpack[Options],
) -> Fixture:
    """Make a fixture that is a primary with replicas and Sentinels, as `cluster` makes one."""
    own = {"replicas": replicas, "sentinels": sentinels, "down_after": down_after}
    return _topology("sentinel", {**own, **options}, scope)


def replication(
    replicas: int = 2, *, scope: Scope = "session", **options: Unpack[Options]
) -> Fixture:
    """Make a fixture that is a primary with replicas, as `cluster` makes one."""
    return _topology("replication", {"replicas": replicas, **options}, scope)


def standalone(*, scope: Scope = "session", **options: Unpack[Options]) -> Fixture:
    """Make a fixture that is a standalone server, as `cluster` makes a cluster."""
    return _topology("standalone", dict(options), scope)


def _topology(shape: str, own: dict[str, Any], scope: Scope) -> Fixture:
    check_options(shape, own)

    @pytest.fixture(scope=scope)
    def topology(request: pytest.FixtureRequest) -> Iterator[Any]:
        """A Redis topology: the Topology of redistopo."""
        marked = getattr(request, "param", None) or {}
        with topologies_of(request.config).started(request, shape, {**own, **marked}) as found:
            yield found

    return topology


def noproc(
    url: str | None = None,
    *,
    ca: str = "",
    cert: str = "",
    reset: bool = False,
    scope: Scope = "session",
) -> Fixture:
    """Make a fixture that is the topology around a server that something else runs.

    `url` is that of one of its nodes, redis:// or rediss:// with the files `ca` and `cert`; without
    it, the variable REDIS_URL. Nothing is deleted there, unless `reset`: then FLUSHALL is sent to
    each primary after each test that uses it.
    """

    @pytest.fixture(scope=scope)
    def servers(request: pytest.FixtureRequest) -> Iterator[Any]:
        """Redis servers that something else runs: the ConnectedTopology of redistopo."""
        from redistopo.pytest_plugin.existing_servers import ExistingServers

        def connect() -> ExistingServers:
            return ExistingServers(url, ca, cert, reset=reset)

        with topologies_of(request.config).connected(request, connect) as connected:
            yield connected

    return servers


def client(topology: str, **options: Any) -> Fixture:
    """Make a fixture that is a redis-py client of another fixture, which is named; `options` are
    passed on to redis-py. Each test gets one with new connections."""

    def connection(**fixtures: Any) -> Iterator[Any]:
        """A redis-py client of a Redis topology."""
        of = fixtures[topology]
        with of.lent(options) if hasattr(of, "lent") else of.client(**options) as made:
            yield made

    return pytest.fixture(_with_parameters(connection, topology))


def async_client(topology: str, **options: Any) -> Fixture:
    """Make a fixture that is a client of redis.asyncio, as `client` makes one; it needs
    pytest-asyncio or anyio, and is closed in the loop of the test."""

    def connection(**fixtures: Any) -> Any:
        """A client of redis.asyncio of a Redis topology."""
        from redistopo.pytest_plugin.async_clients import closed_later

        close_later = closed_later(fixtures["request"])
        return close_later(fixtures[topology].async_client(**options))

    return pytest.fixture(_with_parameters(connection, "request", topology))


def _with_parameters(function: Callable[..., Any], *names: str) -> Callable[..., Any]:
    """Have pytest see parameters of these names: it looks for fixtures by the signature."""
    shown = [Parameter(name, Parameter.KEYWORD_ONLY) for name in names]
    function.__signature__ = Signature(shown)  # type: ignore[attr-defined]
    return function
