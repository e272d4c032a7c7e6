"""What is asked of a load: where clients come in, and how much they do."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.slots import SlotRange

PREFIX = "__redistopo__:drill:"
"""Every key of a load begins so; then comes the load's id."""

EXPIRY_SECONDS = 3600
"""After this even the keys of a load that was killed are gone."""


class EntryKind(StrEnum):
    """By which of redis-py's clients users come in."""

    CLUSTER = "cluster"  # RedisCluster
    PLAIN = "plain"  # Redis, at one address
    SENTINEL = "sentinel"  # Sentinel(...).master_for(service)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """How clients come in: `entries` are cluster nodes, the primary's address, or Sentinels.

    `service` is the name that Sentinels know the primary by, `sentinel` how clients come in
    to Sentinels themselves (None: without password, with the TLS of `access`). `where` tells
    plain clients a new address once theirs fails (None: they go on trying the one they
    have); it is asked from several threads, each at most 20 times a second, and must not
    raise. `today` tells how clients come in now, for who outlives a change of passwords (None:
    as `access` and `sentinel` say, for good); it is asked for each new connection, and must not
    raise or block.
    """

    door: EntryKind
    entries: tuple[Endpoint, ...]
    access: Login
    service: str = ""
    sentinel: Login | None = None
    where: Callable[[], Endpoint] | None = None
    today: "Callable[[], EntryPoint] | None" = None

    def data_access(self) -> Login:
        """How a new connection to a data node comes in."""
        return (self.today() if self.today else self).access

    def sentinel_access(self) -> Login:
        """How a new connection to a Sentinel comes in."""
        now = self.today() if self.today else self
        return now.sentinel or Login(tls=now.access.tls)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """`shards` maps numbers to slots (() outside a cluster), `hurt` are those to be hurt.

    `rate` is operations per second in all, half of them writes, and four fifths of them on
    the hurt shards where there are others. `clients` is in all; at least a writer and a
    reader for each hurt shard, and one client for the others together. `id` is part of each
    key. `wait_replicas` N: WAIT N after each write. Raises ValueError for what can't be.
    """

    id: str
    way: EntryPoint
    shards: Mapping[int, tuple[SlotRange, ...]]
    hurt: frozenset[int]
    rate: int = 500
    clients: int = 4
    wait_replicas: int = 0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", self.id):
            raise ValueError(f"{self.id!r} can't be a part of keys")
        if not self.hurt or not self.hurt <= set(self.shards):
            raise ValueError(f"shards {sorted(self.hurt)} are none of {sorted(self.shards)}")
        if self.rate < 1 or self.clients < 1 or not self.way.entries:
            raise ValueError("a load has a rate, clients, and a way in")
