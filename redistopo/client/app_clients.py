"""Application clients: redis-py's, configured so that each attempt is visible.

No retries: with redis-py's own (3, with a back-off of up to 10 s), seconds of errors would
look like one slow operation. So each attempt fails at once, and the load decides about the
next one. redis-py refreshes the slot table: it patches it after MOVED, and reloads it from
another node after a lost connection, a timeout or CLUSTERDOWN (here 0.25 s later;
redis/cluster.py, _execute_command). It queries a Sentinel for each new connection
(redis/sentinel.py, SentinelManagedConnection).
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

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

from redistopo.client.app_entry_point import EXPIRY_SECONDS, EntryKind, EntryPoint
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint

CLIENT_ERRORS = (RedisError, RedisClusterException, OSError)
"""What an attempt may raise; redis-py's cluster errors aren't RedisErrors."""

CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 0.5
"""The cost of a server that hangs: the new primary is found this much later."""

WAIT_MILLISECONDS = 400
"""Below ANSWER_SECONDS, so that WAIT itself reports missing replicas."""


class TooFewReplicas(RedisError):
    """WAIT reported that too few replicas have the write."""


def plain(address: Endpoint, access: Callable[[], Login], *, text: bool = True) -> Any:
    """Create redis-py's client for one server; `access` is called for each connection."""
    host, port = address
    return Redis(host=host, port=port, **options_of(access, text=text))


def clustered(way: EntryPoint, *, text: bool = True) -> Any:
    """Create redis-py's client for a cluster; loads the slot table, may raise CLIENT_ERRORS."""
    nodes = [ClusterNode(host, port) for host, port in way.entries]
    # some slots may be without an owner while a node is down
    options = options_of(way.data_access, text=text)
    return RedisCluster(startup_nodes=nodes, require_full_coverage=False, **options)


def by_sentinel(way: EntryPoint, *, text: bool = True) -> Any:
    """Create redis-py's client for the primary that Sentinels name."""
    sentinel = Sentinel(list(way.entries), sentinel_kwargs=options_of(way.sentinel_access))
    return sentinel.master_for(way.service, **options_of(way.data_access, text=text))


class _Credentials(CredentialProvider):
    """Gives redis-py the current user and password for each new connection."""

    def __init__(self, access: Callable[[], Login]) -> None:
        self._access = access

    def get_credentials(self) -> tuple[()] | tuple[str] | tuple[str, str]:  # type: ignore[override]
        """Return the credentials; empty without a password, so that redis-py sends no AUTH
        (connection.py, on_connect_check_health), although its types don't allow that."""
        now = self._access()
        if now.user:
            return now.user, now.password
        return (now.password,) if now.password else ()


def options_of(access: Callable[[], Login], *, text: bool = True) -> dict[str, Any]:
    """Build the options that all three share; replies are text, or bytes."""
    options: dict[str, Any] = {
        "retry": Retry(NoBackoff(), 0),
        "credential_provider": _Credentials(access),
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "decode_responses": text,
        "protocol": 2,
        "driver_info": None,  # no CLIENT SETINFO: 6.2 doesn't support it
    }
    if tls := access().tls:
        pem = tls.pem or None
        options |= {"ssl": True, "ssl_ca_certs": tls.ca}
        options |= {"ssl_certfile": pem, "ssl_keyfile": pem}
    return options


class AppClient:
    """A client of one server at a time, found by address or by Sentinel.

    Methods may raise CLIENT_ERRORS.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def write(self, key: str, value: str, replicas: int) -> None:
        """Write a key; return once the server and so many replicas acknowledged it."""
        self._client.set(key, value, ex=EXPIRY_SECONDS)
        if replicas:
            _enough(self._client.execute_command("WAIT", replicas, WAIT_MILLISECONDS), replicas)

    def read(self, key: str) -> str | None:
        return _text(self._client.get(key))

    def read_many(self, keys: list[str]) -> list[str | None]:
        """Read keys that are in one slot."""
        return [_text(value) for value in self._client.mget(keys)]

    def remove(self, keys: list[str]) -> int:
        """Remove keys that are in one slot; return how many existed."""
        return int(self._client.unlink(*keys))

    def primaries(self) -> list[Any]:
        """Return redis-py's client of each primary."""
        return [self._client]

    def close(self) -> None:
        with suppress(*CLIENT_ERRORS):
            self._client.close()
            # close() leaves connections that are in use open
            self._client.connection_pool.disconnect(inuse_connections=True)


class _ClusterClient(AppClient):
    """A client of all servers, found by slot."""

    def write(self, key: str, value: str, replicas: int) -> None:
        self._client.set(key, value, ex=EXPIRY_SECONDS)
        if replicas:
            # WAIT refers to the last write of the connection: the one to that node
            node = self._client.get_node_from_key(key)
            reply = self._client.execute_command(
                "WAIT", replicas, WAIT_MILLISECONDS, target_nodes=node
            )
            count = next(iter(reply.values())) if isinstance(reply, dict) else reply
            _enough(count, replicas)

    def remove(self, keys: list[str]) -> int:
        return int(self._client.execute_command("UNLINK", *keys))

    def primaries(self) -> list[Any]:
        # in a cluster, redis-py creates a node's client when it is first requested
        return [self._client.get_redis_connection(node) for node in self._client.get_primaries()]

    def close(self) -> None:
        with suppress(*CLIENT_ERRORS):
            nodes = self._client.get_nodes()
            self._client.close()
            for node in nodes:
                if node.redis_connection is not None:
                    node.redis_connection.connection_pool.disconnect(inuse_connections=True)


def connect_app_client(way: EntryPoint) -> AppClient:
    """Create a client, which connects now or at its first command; raises CLIENT_ERRORS."""
    match way.kind:
        case EntryKind.CLUSTER:
            return _ClusterClient(clustered(way))
        case EntryKind.SENTINEL:
            return AppClient(by_sentinel(way))
        case EntryKind.PLAIN:
            return AppClient(plain(way.where() if way.where else way.entries[0], way.data_access))


def _enough(count: Any, wanted: int) -> None:
    if int(count) < wanted:
        raise TooFewReplicas(f"{count} of {wanted} replicas")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def error_kind(error: BaseException) -> str:
    """Classify an error by a short name: the server's own error code if it sent one."""
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
