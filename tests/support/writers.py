"""Users' clients that write all the time, and remember every write that was acknowledged."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

from support.project import Project
from support.waiting import until

_PAUSE = 0.002
"""Seconds between two writes of a client."""

_TAGS = ("b", "1", "a")
"""Of slots 3300, 9842 and 15495: in a cluster of three, a shard for each client."""


def takes_a_write_at_once(project: Project) -> None:
    """The first node takes the key `after`; nothing holds writes back any more."""
    began = time.monotonic()
    with project.client() as node:
        assert node.set("after", "yes")
    assert time.monotonic() - began < 1


@dataclass(frozen=True)
class Watchers:
    """The Sentinels that clients ask who leads, and under which name."""

    name: str
    ports: list[int]
    password: str


@dataclass
class Writers:
    """What clients were told: key -> when its write was acknowledged, on the monotonic clock."""

    ports: list[int]
    password: str
    clustered: bool
    clients: int = 3
    watchers: Watchers | None = None
    acknowledged: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def write(self, who: int) -> None:
        """One client writes until it is stopped; it keeps to one slot, and so to one shard."""
        client: Any = None
        number = 0
        while not self._stop.wait(_PAUSE):
            key = f"w{who}:{number}:{{{_TAGS[who]}}}"
            try:
                client = client or self._client()
                client.set(key, number)
            # redis-py raises AttributeError at an ASK to a node that it hasn't seen yet
            except (RedisError, OSError, AttributeError) as error:
                self.errors.append(f"{type(error).__name__}: {error}")
                client = None if not (self.clustered or self.watchers) else client
                continue
            self.acknowledged[key] = time.monotonic()
            number += 1

    def _client(self) -> Any:
        """A client as the shape's users have it: for a replication, whoever leads now."""
        if self.clustered:
            nodes = [ClusterNode("127.0.0.1", port) for port in self.ports]
            return RedisCluster(
                startup_nodes=nodes, password=self.password or None, decode_responses=True
            )
        how: dict[str, Any] = {
            "password": self.password or None,
            "decode_responses": True,
            "socket_timeout": 10,
            "retry": Retry(NoBackoff(), 0),
        }
        if self.watchers:
            hosts = [("127.0.0.1", port) for port in self.watchers.ports]
            asked = Sentinel(hosts, sentinel_kwargs={**how, "password": self.watchers.password})
            return asked.master_for(self.watchers.name, **how)
        for port in self.ports:
            node = Redis(port=port, **how)
            with suppress(RedisError):  # it may be away
                if node.info("replication")["role"] == "master":
                    return node
        raise RedisError("there is no primary")

    def stop(self) -> None:
        self._stop.set()

    def lost(self) -> list[str]:
        """Acknowledged keys that nobody has any more."""
        client = self._client()
        return [key for key in self.acknowledged if client.get(key) is None]

    def longest_gap(self, who: int, since: float = 0.0) -> float:
        """Seconds without an acknowledged write of that client, at most, since that moment."""
        mine = f"w{who}:"
        times = sorted(at for key, at in self.acknowledged.copy().items() if key.startswith(mine))
        return max((b - a for a, b in pairwise(times) if b >= since), default=0.0)


@contextmanager
def writing(
    ports: list[int],
    password: str,
    *,
    clustered: bool,
    clients: int = 3,
    watchers: Watchers | None = None,
) -> Iterator[Writers]:
    """So many clients write until the end of this block, each to a slot of its own."""
    writers = Writers(ports, password, clustered, clients, watchers)
    threads = [
        threading.Thread(target=writers.write, args=(who,), daemon=True) for who in range(clients)
    ]
    for thread in threads:
        thread.start()
    until(lambda: len({key.split(":")[0] for key in tuple(writers.acknowledged)}) == clients, 20)
    try:
        yield writers
    finally:
        writers.stop()
        for thread in threads:
            thread.join()
