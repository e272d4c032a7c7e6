"""One request for an item, whoever asks: answered, measured, and told to who listens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from redistopo.cache_aside import CacheAside
from redistopo.demo.database import DatabaseAway
from redistopo.demo.latencies import Latencies


class Place(Protocol):
    """Where a key lives: its slot in a cluster, and the node that serves a read of it now."""

    @property
    def slot(self) -> int | None: ...
    @property
    def node(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`status` is HTTP's; `ttl` in seconds, None where that wasn't asked or isn't known."""

    id: str
    data: Mapping[str, object] | None
    source: str
    ttl: float | None
    node: str
    slot: int | None
    degraded: str
    milliseconds: float
    status: int

    def told(self) -> dict[str, object]:
        """As listeners are told: without the row."""
        return {
            "id": self.id, "source": self.source, "ms": self.milliseconds, "ttl": self.ttl,
            "node": self.node, "slot": self.slot, "degraded": self.degraded, "status": self.status,
        }  # fmt: skip

    def body(self) -> dict[str, object]:
        """As who asked is answered."""
        return {
            "data": self.data, "source": self.source, "ttl": self.ttl, "node": self.node,
            "slot": self.slot, "degraded": self.degraded, "milliseconds": self.milliseconds,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """Who is told of each answer."""

    latencies: Latencies
    took: Callable[[str, float], None]
    served: Callable[[Mapping[str, object]], None]


class ItemService:
    """Asks the cache; `place` says where a key lives."""

    def __init__(self, cache: CacheAside, place: Callable[[str], Place], ears: Ears) -> None:
        self._cache = cache
        self._place = place
        self._ears = ears

    def serve(self, item: str, *, with_ttl: bool = True) -> Answer:
        """The item; the time left to it in the cache costs another command.

        Raises DatabaseAway, which listeners are told of, too.
        """
        try:
            served = self._cache.get(item)
        except DatabaseAway:
            self._ears.served(_failed(item, self._place(self._cache.key(item))).told())
            raise
        # before the next command: who served this one is known for the last alone
        place = self._place(self._cache.key(item))
        away = bool(served.degraded)
        answer = Answer(
            id=item,
            data=served.data,
            source=served.source.value,
            ttl=self._cache.ttl(item) if with_ttl and not away else None,
            node="" if away else place.node,
            slot=place.slot,
            degraded=served.degraded,
            milliseconds=round(served.seconds * 1000, 3),
            status=404 if served.data is None else 200,
        )
        self._ears.latencies.add(hit=answer.source == "cache", milliseconds=answer.milliseconds)
        self._ears.took(answer.source, served.seconds)
        self._ears.served(answer.told())
        return answer

    def ask(self, item: str) -> None:
        """The same for the load generator, which goes on whatever comes of it."""
        try:
            self.serve(item, with_ttl=False)
        except DatabaseAway:
            return  # told already


def _failed(item: str, place: Place) -> Answer:
    return Answer(
        id=item, data=None, source="database", ttl=None, node=place.node, slot=place.slot,
        degraded="", milliseconds=0.0, status=503,
    )  # fmt: skip
