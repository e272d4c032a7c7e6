"""The parameters of a load: where clients connect, and how many operations they run."""

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum

from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.slots import SlotRange
from redistopo.quick_dataclass import dataclass

PREFIX = "__redistopo__:drill:"
"""The prefix of every key of a load, followed by the load's id."""

EXPIRY_SECONDS = 3600
"""The TTL of keys, so that even those of a killed load disappear."""


class EntryKind(StrEnum):
    """The redis-py client that connects."""

    CLUSTER = "cluster"  # RedisCluster
    PLAIN = "plain"  # Redis, at one address
    SENTINEL = "sentinel"  # Sentinel(...).master_for(service)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """How clients connect: `entries` are cluster nodes, the primary's address, or Sentinels.

    `service` is the primary's name in Sentinel, `sentinel` the login to the Sentinels
    themselves (None: without a password, with the TLS of `access`). `where` returns a new
    address for plain clients once theirs fails (None: they keep trying the same one); it is
    called from several threads, each at most 20 times a second, and must not raise. `current`
    returns the current entry point, for clients that outlive a change of passwords (None: it
    never changes); it is called for each new connection, and must not raise or block.
    """

    kind: EntryKind
    entries: tuple[Endpoint, ...]
    access: Login
    service: str = ""
    sentinel: Login | None = None
    where: Callable[[], Endpoint] | None = None
    current: "Callable[[], EntryPoint] | None" = None

    def data_access(self) -> Login:
        """Return the login for a new connection to a data node."""
        return (self.current() if self.current else self).access

    def sentinel_access(self) -> Login:
        """Return the login for a new connection to a Sentinel."""
        now = self.current() if self.current else self
        return now.sentinel or Login(tls=now.access.tls)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """`shards` maps numbers to slots (() outside a cluster); `hurt` are the shards with the fault.

    `rate` is the total of operations per second, half of them writes, and four fifths of them
    on the hurt shards if there are others. `clients` is the total; there are at least a writer
    and a reader for each hurt shard, and one client for all others. `id` is part of each key.
    `wait_replicas` N: WAIT N after each write. `nodes` maps shards to the addresses of their nodes,
    for the probe that measures downtime (none: the clients measure it). `proving`: keys are spread
    over the slots of a shard, failed operations are tried again as applications do, and readers
    require every write that was acknowledged. Raises ValueError for invalid values.
    """

    id: str
    way: EntryPoint
    shards: Mapping[int, tuple[SlotRange, ...]]
    hurt: frozenset[int]
    rate: int = 500
    clients: int = 4
    wait_replicas: int = 0
    nodes: Mapping[int, tuple[Endpoint, ...]] = field(default_factory=dict)
    proving: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", self.id):
            raise ValueError(f"{self.id!r} can't be part of keys")
        if not self.hurt or not self.hurt <= set(self.shards):
            raise ValueError(f"shards {sorted(self.hurt)} aren't among {sorted(self.shards)}")
        if self.rate < 1 or self.clients < 1 or not self.way.entries:
            raise ValueError("a load needs a rate, clients and entries")
