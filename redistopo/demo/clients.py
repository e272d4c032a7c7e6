"""redis-py's clients for a topology of each shape, as an application has them.

Short timeouts and no retries of their own (see drills.load.clients, whose clients these are):
a cache that doesn't answer at once has to be done without. A request waits for one such timeout
at most, for two where replicas are read from, and that is what the circuit breaker counts.
Replies are bytes.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from threading import local
from typing import Any

from redis import Redis, RedisCluster
from redis.exceptions import ConnectionError as Lost
from redis.exceptions import MasterDownError
from redis.exceptions import TimeoutError as NoAnswer

from redistopo.cache_aside import refreshed_beside
from redistopo.client.app_clients import CLIENT_ERRORS, by_sentinel, clustered, options_of, plain
from redistopo.client.entry_point import EntryKind, EntryPoint
from redistopo.errors import TimedOut, Unreachable
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint

ASIDE_SECONDS = 1.0
"""For so long a replica that failed isn't read from: the next look tells more."""

ENTER_SECONDS = 5.0

_NEXT = (Lost, NoAnswer, MasterDownError, OSError)
"""After one of these the next node may serve the same read."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where to go now, without slots: the primary's address (None: nobody leads), and those
    of the replicas that can be read from."""

    primary: Endpoint | None
    replicas: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """`writer` goes to primaries, `reader` to whoever serves reads; they may be the same."""

    writer: Any
    reader: Any

    def close(self) -> None:
        """No connection is left."""
        for client in {id(one): one for one in (self.writer, self.reader)}.values():
            with suppress(*CLIENT_ERRORS):
                client.close()


def clients(way: EntryPoint, route: Callable[[], Route], nodes: int) -> Clients:
    """The clients for a topology of so many data nodes that is entered this way.

    Replicas are read from in turns, as far as the last look found them well: redis-py's own
    `Sentinel.slave_for` stays with the replica that a connection met first, and can't tell
    which one it was. In a cluster primaries serve the reads.

    Raises Unreachable where a cluster lets nobody in.
    """
    match way.door:
        case EntryKind.CLUSTER:
            both = refreshed_beside(_entered(way))
            return Clients(writer=both, reader=both)
        case EntryKind.SENTINEL:
            return Clients(
                writer=by_sentinel(way, text=False), reader=Routed(route, way.data_access)
            )
        case EntryKind.PLAIN if nodes == 1 and way.entries:
            only = plain(way.entries[0], way.data_access, text=False)
            return Clients(writer=only, reader=only)
        case EntryKind.PLAIN:
            return Clients(
                writer=Routed(lambda: Route(route().primary), way.data_access),
                reader=Routed(route, way.data_access),
            )


def _entered(way: EntryPoint) -> RedisCluster:
    """A cluster's client, though some nodes may be down: redis-py asks a node that it picks by
    chance for the list of commands, and gives up where that one doesn't answer
    (_parsers/commands.py, CommandsParser.initialize)."""
    trouble = ""

    def attempt() -> RedisCluster | None:
        nonlocal trouble
        try:
            found: RedisCluster = clustered(way, text=False)
            return found
        except CLIENT_ERRORS as error:
            trouble = str(error)
            return None

    try:
        return wait_for(attempt, Deadline(ENTER_SECONDS), lambda: "")
    except TimedOut as error:
        raise Unreachable(
            "the cluster lets no application in",
            detail=f"{len(way.entries)} nodes were asked: {trouble}",
            hint="redistopo verify tells why",
        ) from error


class Routed(Redis):
    """Each command goes to the next of the replicas in turn; where that one fails, to the primary.

    `route` is asked for each command, `access` for each connection; neither may block. `served`
    is the address that this thread was last served by.
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
        """Who served this thread's last command; None where nobody did."""
        found: Endpoint | None = getattr(self._mine, "served", None)
        return found

    def execute_command(self, *words: Any, **options: Any) -> Any:
        """The first answer of two nodes; raises what the second one raised where none gave one.

        No third is tried: with all nodes frozen, a request would wait for each of them."""
        self._mine.served = None
        error: Exception = Lost("no node is known that leads")
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
        """A pipeline on the primary: several commands are one server's."""
        primary = self._route().primary
        if primary is None:
            raise Lost("no node is known that leads")
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
