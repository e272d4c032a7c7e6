"""redis-py clients for a topology of each shape, as an application uses them.

They have short timeouts and no retries of their own (see client.app_clients): an application must
not wait for a cache that does not reply. A request waits for one such timeout at most, for two if
replicas are read from, and that is what the circuit breaker counts. Replies are bytes.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from threading import local
from typing import Any

from redis import Redis, RedisCluster
from redis.exceptions import ConnectionError as Lost
from redis.exceptions import MasterDownError
from redis.exceptions import TimeoutError as NoAnswer

from redistopo.cache_aside import refreshed_beside
from redistopo.client.app_clients import CLIENT_ERRORS, by_sentinel, clustered, options_of, plain
from redistopo.client.app_entry_point import EntryKind, EntryPoint
from redistopo.errors import TimedOut, Unreachable
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.quick_dataclass import dataclass

ASIDE_SECONDS = 1.0
"""How long a replica that failed is not read from: the next poll updates the route."""

ENTER_SECONDS = 5.0

_NEXT = (Lost, NoAnswer, MasterDownError, OSError)
"""After one of these errors another node may serve the same read."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where to send commands, without slots: to the primary (None: there is none), and to the
    replicas that can be read from."""

    primary: Endpoint | None
    replicas: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPair:
    """`writer` goes to primaries, `reader` to the nodes that serve reads; they may be the same."""

    writer: Any
    reader: Any

    def close(self) -> None:
        """Close all connections."""
        for client in {id(one): one for one in (self.writer, self.reader)}.values():
            with suppress(*CLIENT_ERRORS):
                client.close()


def make_clients(way: EntryPoint, route: Callable[[], Route], nodes: int) -> ClientPair:
    """Create the clients for a topology with that many data nodes.

    Replicas that the last poll found healthy are read from in turns: redis-py's own
    `Sentinel.slave_for` stays with the first replica of a connection, and doesn't report which
    it is. In a cluster primaries serve the reads.

    Raises Unreachable if no node of a cluster accepts the client.
    """
    match way.kind:
        case EntryKind.CLUSTER:
            both = refreshed_beside(_cluster_client(way))
            return ClientPair(writer=both, reader=both)
        case EntryKind.SENTINEL:
            return ClientPair(
                writer=by_sentinel(way, text=False), reader=RoutedClient(route, way.data_access)
            )
        case EntryKind.PLAIN if nodes == 1 and way.entries:
            only = plain(way.entries[0], way.data_access, text=False)
            return ClientPair(writer=only, reader=only)
        case EntryKind.PLAIN:
            return ClientPair(
                writer=RoutedClient(lambda: Route(route().primary), way.data_access),
                reader=RoutedClient(route, way.data_access),
            )


def _cluster_client(way: EntryPoint) -> RedisCluster:
    """Create a cluster client although some nodes may be down: redis-py requests the
    list of commands from a random node, and gives up if that node does not reply
    (_parsers/commands.py, CommandsParser.initialize)."""
    last_error = ""

    def attempt() -> RedisCluster | None:
        nonlocal last_error
        try:
            found: RedisCluster = clustered(way, text=False)
            return found
        except CLIENT_ERRORS as error:
            last_error = str(error)
            return None

    try:
        return wait_for(attempt, Deadline(ENTER_SECONDS), lambda: "")
    except TimedOut as error:
        raise Unreachable(
            "no node of the cluster accepts the application",
            detail=f"tried {len(way.entries)} nodes: {last_error}",
            hint="redistopo verify shows why",
        ) from error


class RoutedClient(Redis):
    """Sends each command to the next replica in turn; if that one fails, to the primary.

    `route` is called for each command, `access` for each connection; neither may block. `served`
    is the node that served this thread's last command.
    """

    def __init__(self, route: Callable[[], Route], access: Callable[[], Login]) -> None:
        super().__init__(**options_of(access, text=False))  # its own pool is never connected
        self._route = route
        self._access = access
        self._nodes: dict[Endpoint, Redis] = {}
        self._aside: dict[Endpoint, float] = {}
        self._turn = count()
        self._mine = local()

    @property
    def served(self) -> Endpoint | None:
        """The node that served this thread's last command; None if none did."""
        found: Endpoint | None = getattr(self._mine, "served", None)
        return found

    def execute_command(self, *words: Any, **options: Any) -> Any:
        """Return the first reply of at most two nodes, or raise the second one's error.

        A third node is not tried: with all nodes frozen, a request would wait for each of them.
        """
        self._mine.served = None
        error: Exception = Lost("no primary is known")
        for address in self._order():
            try:
                answer = self._at(address).execute_command(*words, **options)
            except _NEXT as failed:
                self._aside[address] = time.monotonic() + ASIDE_SECONDS
                error = failed
                continue
            self._mine.served = address
            return answer
        raise error

    def pipeline(self, transaction: Any = True, shard_hint: Any = None) -> Any:
        """Return a pipeline on the primary: several commands need one server."""
        primary = self._route().primary
        if primary is None:
            raise Lost("no primary is known")
        return self._at(primary).pipeline(transaction, shard_hint)

    def close(self) -> None:
        super().close()
        for client in tuple(self._nodes.values()):
            client.close()

    def _order(self) -> list[Endpoint]:
        route, now = self._route(), time.monotonic()
        able = [one for one in route.replicas if self._aside.get(one, 0.0) <= now]
        first = next(self._turn) % len(able) if able else 0
        order = able[first:] + able[:first]
        return [*order[:1], route.primary] if route.primary else order[:2]

    def _at(self, address: Endpoint) -> Redis:
        client = self._nodes.get(address)
        if client is None:
            client = self._nodes.setdefault(address, plain(address, self._access, text=False))
        return client
