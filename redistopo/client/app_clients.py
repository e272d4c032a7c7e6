"""Clients as users have them: redis-py's, with settings under which each attempt is seen.

No retries: redis-py's own (3, with a back-off of up to 10 s) would show one slow operation
for seconds of errors. So an attempt fails as soon as it is known, and the next one is the
load's own. The slot table is redis-py's to refresh: after MOVED it patches it, after a lost
connection, a timeout and CLUSTERDOWN (here 0.25 s later) it reads it anew from another node
(redis/cluster.py, _execute_command). A Sentinel is asked on each new connection
(redis/sentinel.py, SentinelManagedConnection).
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.credentials import CredentialProvider
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    MovedError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

from redistopo.client.entry_point import EXPIRY_SECONDS, EntryKind, EntryPoint
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint

CLIENT_ERRORS = (RedisError, RedisClusterException, OSError)
"""What an attempt may raise; redis-py's cluster errors are no RedisError."""

CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 0.5
"""A server that hangs costs this: so much later, at most, its successor is found."""

WAIT_MILLISECONDS = 400
"""Below ANSWER_SECONDS, so that WAIT itself says that replicas are missing."""


class TooFewReplicas(RedisError):
    """WAIT said that fewer replicas than wanted have the write."""


class AppClient(Protocol):
    """What the load needs of a client; each may raise one of TROUBLE."""

    def write(self, key: str, value: str, replicas: int) -> None:
        """The server acknowledged it, and so many replicas did."""
        ...

    def read(self, key: str) -> str | None: ...

    def read_many(self, keys: list[str]) -> list[str | None]:
        """Of keys in one slot."""
        ...

    def remove(self, keys: list[str]) -> int:
        """How many of these keys, all in one slot, were there."""
        ...

    def primaries(self) -> list[Any]:
        """redis-py's client of each primary."""
        ...

    def close(self) -> None: ...


def connect_app_client(way: EntryPoint) -> AppClient:
    """A client that came in, or will at its first command; raises one of TROUBLE."""
    match way.door:
        case EntryKind.CLUSTER:
            return _Clustered(clustered(way))
        case EntryKind.SENTINEL:
            return _Single(by_sentinel(way))
        case EntryKind.PLAIN:
            return _Single(plain(way.where() if way.where else way.entries[0], way.data_access))


def plain(address: Endpoint, access: Callable[[], Login], *, text: bool = True) -> Any:
    """redis-py's client for one server; `access` is asked for each connection."""
    host, port = address
    return Redis(host=host, port=port, **options_of(access, text=text))


def clustered(way: EntryPoint, *, text: bool = True) -> Any:
    """redis-py's client for a cluster; it reads the slot table now, and may raise TROUBLE."""
    nodes = [ClusterNode(host, port) for host, port in way.entries]
    # some slots may be without an owner while a node is down
    options = options_of(way.data_access, text=text)
    return RedisCluster(startup_nodes=nodes, require_full_coverage=False, **options)


def by_sentinel(way: EntryPoint, *, text: bool = True) -> Any:
    """redis-py's client for the primary that Sentinels name."""
    sentinel = Sentinel(list(way.entries), sentinel_kwargs=options_of(way.sentinel_access))
    return sentinel.master_for(way.service, **options_of(way.data_access, text=text))


class _Credentials(CredentialProvider):
    """Asked by redis-py when a connection is made: user and password as they are then."""

    def __init__(self, access: Callable[[], Login]) -> None:
        self._access = access

    def get_credentials(self) -> tuple[()] | tuple[str] | tuple[str, str]:  # type: ignore[override]
        """Nothing where no password is needed, which redis-py's types leave out: it sends no AUTH
        then (connection.py, on_connect_check_health)."""
        now = self._access()
        if now.user:
            return now.user, now.password
        return (now.password,) if now.password else ()


def options_of(access: Callable[[], Login], *, text: bool = True) -> dict[str, Any]:
    """The same for all three; TLS as an application has it. Replies are text, or bytes."""
    options: dict[str, Any] = {
        "retry": Retry(NoBackoff(), 0),
        "credential_provider": _Credentials(access),
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "decode_responses": text,
        "protocol": 2,
        "driver_info": None,  # no CLIENT SETINFO: 6.2 doesn't know it
    }
    if tls := access().tls:
        pem = tls.pem or None
        options |= {"ssl": True, "ssl_ca_certs": tls.ca}
        options |= {"ssl_certfile": pem, "ssl_keyfile": pem}
    return options


class _Single:
    """One server at a time, found by address or by Sentinel."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def write(self, key: str, value: str, replicas: int) -> None:
        self._client.set(key, value, ex=EXPIRY_SECONDS)
        if replicas:
            _enough(self._client.execute_command("WAIT", replicas, WAIT_MILLISECONDS), replicas)

    def read(self, key: str) -> str | None:
        return _text(self._client.get(key))

    def read_many(self, keys: list[str]) -> list[str | None]:
        return [_text(value) for value in self._client.mget(keys)]

    def remove(self, keys: list[str]) -> int:
        return int(self._client.unlink(*keys))

    def primaries(self) -> list[Any]:
        return [self._client]

    def close(self) -> None:
        with suppress(*CLIENT_ERRORS):
            self._client.close()
            # close() leaves connections that are at work to their users
            self._client.connection_pool.disconnect(inuse_connections=True)


class _Clustered(_Single):
    """Servers found by slot."""

    def write(self, key: str, value: str, replicas: int) -> None:
        self._client.set(key, value, ex=EXPIRY_SECONDS)
        if replicas:
            # WAIT speaks of the connection's own last write: the one to that node
            node = self._client.get_node_from_key(key)
            said = self._client.execute_command(
                "WAIT", replicas, WAIT_MILLISECONDS, target_nodes=node
            )
            count = next(iter(said.values())) if isinstance(said, dict) else said
            _enough(count, replicas)

    def remove(self, keys: list[str]) -> int:
        return int(self._client.execute_command("UNLINK", *keys))

    def primaries(self) -> list[Any]:
        # of a cluster, redis-py makes a node's own client when it is first asked for
        return [self._client.get_redis_connection(node) for node in self._client.get_primaries()]

    def close(self) -> None:
        with suppress(*CLIENT_ERRORS):
            nodes = self._client.get_nodes()
            self._client.close()
            for node in nodes:
                if node.redis_connection is not None:
                    node.redis_connection.connection_pool.disconnect(inuse_connections=True)


def _enough(count: Any, wanted: int) -> None:
    if int(count) < wanted:
        raise TooFewReplicas(f"{count} of {wanted} replicas")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def error_kind(error: BaseException) -> str:
    """A short name for what went wrong: the server's own error code where it sent one."""
    known: tuple[tuple[type[BaseException], str], ...] = (
        (TooFewReplicas, "WAIT"),
        (MovedError, "MOVED"),
        (ClusterDownError, "CLUSTERDOWN"),
        (ReadOnlyError, "READONLY"),
        (BusyLoadingError, "LOADING"),
        (MasterNotFoundError, "NoPrimaryKnown"),
        (NoAnswer, "Timeout"),
        (TimeoutError, "Timeout"),
        (OSError, "ConnectionError"),
    )
    for kind, name in known:
        if isinstance(error, kind):
            return name
    first = str(error).split(" ", 1)[0]
    if isinstance(error, ResponseError) and first.isupper():
        return first
    return type(error).__name__
